// Command mcp is an MCP server with one tool, open_atrip, for an assistant that
// acts for one operator: it invokes the broker's function and hands the link
// over. The operator's name is not the model's to choose: it is set where the
// server is started.
//
//	AWS_REGION=eu-west-1 ATRIP_FUNCTION=atrip-token:service ATRIP_USER=amelia@example.com mcp
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"atriptoken/invoke"
)

// arguments are what the model fills in.
type arguments struct {
	OrderNo string `json:"orderNo" jsonschema:"the Atlas order number, for example XPFIW20220209163159425"`
	Role    string `json:"role" jsonschema:"the operator's role in ATRIP: Customer service, Finance, Developer or Admin"`
}

// result is what it gets.
type result struct {
	URL string `json:"url" jsonschema:"the link; it works once, and whoever opens it is signed in as the operator"`
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	function, user := os.Getenv("ATRIP_FUNCTION"), os.Getenv("ATRIP_USER")
	if function == "" || user == "" {
		return errors.New("set ATRIP_FUNCTION to the broker's alias `service`, and ATRIP_USER to the operator's name")
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("the AWS configuration cannot be loaded: %w", err)
	}
	client := &invoke.Client{Lambda: lambda.NewFromConfig(cfg), Function: function}
	server := mcp.NewServer(&mcp.Implementation{Name: "atrip", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{
		Name: "open_atrip",
		Description: "Returns a single-use link that opens an order in Atlas's customer-service portal (ATRIP), signed in as the operator. " +
			"Give it to the operator only; do not repeat it in a summary.",
	}, func(ctx context.Context, _ *mcp.CallToolRequest, a arguments) (*mcp.CallToolResult, result, error) {
		link, err := client.GetAtripToken(ctx, invoke.Request{OrderNo: a.OrderNo, UserName: user, Role: a.Role})
		if err != nil {
			return nil, result{}, err // the model is told the broker's text, which is free of secrets
		}
		return nil, result{URL: link.URL.Reveal()}, nil
	})
	return server.Run(ctx, &mcp.StdioTransport{})
}
