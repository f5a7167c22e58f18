package main

import (
	"context"
	"fmt"
	"os"

	"github.com/ogen-go/ogen/ogenerrors"

	"atriptoken/tools/generators/client"
)

type token string

func (t token) Operator(context.Context, client.OperationName) (client.Operator, error) {
	return client.Operator{Token: string(t)}, nil
}

func (token) AWS(context.Context, client.OperationName) (client.AWS, error) {
	return client.AWS{}, ogenerrors.ErrSkipClientSecurity
}

func main() {
	api, err := client.NewClient(os.Args[1], token(os.Args[2]))
	if err != nil {
		panic(err)
	}
	request := &client.LinkRequest{OrderNo: "X1", Role: os.Args[3]}
	reply, err := api.GetAtripToken(context.Background(), request, client.GetAtripTokenParams{})
	if err != nil {
		panic(err)
	}
	switch r := reply.(type) {
	case *client.LinkHeaders:
		fmt.Println(200, r.Response.URL.String())
	case *client.GetAtripTokenApplicationProblemJSONForbidden:
		fmt.Println(403, r.Response.Code.Value)
	case *client.GetAtripTokenUnauthorizedHeaders:
		fmt.Println(401, r.Response.Message.Value)
	}
}
