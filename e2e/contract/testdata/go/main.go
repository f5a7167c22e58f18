package main

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"atriptoken/tools/generators/client"
)

func main() {
	configuration := client.NewConfiguration()
	configuration.Servers = client.ServerConfigurations{{URL: os.Args[1]}}
	ctx := context.WithValue(context.Background(), client.ContextAccessToken, os.Args[2])
	request := *client.NewLinkRequest("X1", os.Args[3])
	link, response, err := client.NewAPIClient(configuration).PortalAPI.GetAtripToken(ctx).LinkRequest(request).Execute()
	if err == nil {
		fmt.Println(200, link.Url)
		return
	}
	reply := err.(*client.GenericOpenAPIError).Model().(client.ErrorReply)
	fmt.Println(response.StatusCode, cmp.Or(string(reply.GetCode()), reply.GetMessage()))
}
