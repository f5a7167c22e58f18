package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"atriptoken/tools/generators/client"
)

func main() {
	authorize := client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+os.Args[2])
		return nil
	})
	api, err := client.NewClientWithResponses(os.Args[1], authorize)
	if err != nil {
		panic(err)
	}
	reply, err := api.GetAtripTokenWithResponse(context.Background(), nil, client.LinkRequest{OrderNo: "X1", Role: os.Args[3]})
	switch {
	case err != nil:
		panic(err)
	case reply.JSON200 != nil:
		fmt.Println(200, reply.JSON200.Url)
	case reply.ApplicationproblemJSON403 != nil:
		fmt.Println(reply.StatusCode(), *reply.ApplicationproblemJSON403.Code)
	case reply.JSON401 != nil:
		fmt.Println(reply.StatusCode(), *reply.JSON401.Message)
	}
}
