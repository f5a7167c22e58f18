package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/smithy-go/encoding/cbor"
)

// deployed answers as AWS does on the wire: a stack in two pages, whose parts are deleted or may not be read.
func deployed(w http.ResponseWriter, r *http.Request) {
	fail := func(status int, kind, body string) {
		w.Header().Set("X-Amzn-Errortype", kind)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
	resources := func(next string, kinds ...string) {
		fmt.Fprint(w, "<ListStackResourcesResponse><ListStackResourcesResult>"+next+"<StackResourceSummaries>")
		for pair := range slices.Chunk(kinds, 2) {
			fmt.Fprintf(w, "<member><LogicalResourceId>%[1]s</LogicalResourceId><PhysicalResourceId>broker-%[1]s</PhysicalResourceId>"+
				"<ResourceType>AWS::%[2]s</ResourceType></member>", pair[0], pair[1])
		}
		fmt.Fprint(w, "</StackResourceSummaries></ListStackResourcesResult></ListStackResourcesResponse>")
	}
	switch call := r.FormValue("Action") + r.Header.Get("X-Amz-Target") + r.URL.Path; {
	case call == "DescribeStacks/":
		fmt.Fprint(w, "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>broker</StackName>"+
			"<StackStatus>UPDATE_COMPLETE</StackStatus><Parameters><member><ParameterKey>AuthMode</ParameterKey><ParameterValue>JWT"+
			"</ParameterValue></member></Parameters><Outputs><member><OutputKey>Url</OutputKey><OutputValue>http://127.0.0.1:1/"+
			"</OutputValue></member></Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>")
	case call == "ListStackResources/" && r.FormValue("NextToken") == "":
		resources("<NextToken>second</NextToken>", "Function", "Lambda::Function", "FunctionLogs", "Logs::LogGroup")
	case call == "ListStackResources/" && r.FormValue("NextToken") == "second":
		resources("", "Api", "ApiGatewayV2::Api", "Authorizer", "ApiGatewayV2::Authorizer", "Alarm", "CloudWatch::Alarm")
	case strings.HasSuffix(call, "/operation/DescribeAlarms"):
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		_, _ = w.Write(cbor.Encode(cbor.Map{"MetricAlarms": cbor.List{cbor.Map{"AlarmName": cbor.String("broker-Alarm"),
			"ActionsEnabled": cbor.Bool(true), "AlarmActions": cbor.List{cbor.String("arn:aws:sns:eu-central-1:111122223333:pager")}}}}))
	case strings.HasSuffix(call, "/functions/broker-Function/configuration"):
		fail(http.StatusNotFound, "ResourceNotFoundException", `{"Type":"User","Message":"Function not found"}`)
	case strings.HasSuffix(call, "/apis/broker-Api/routes"), strings.HasSuffix(call, "/apis/broker-Api/stages/$default"):
		fail(http.StatusNotFound, "NotFoundException", `{"message":"Invalid API identifier specified"}`)
	case strings.HasPrefix(call, "/v2/apis/broker-Api"):
		fail(http.StatusForbidden, "AccessDeniedException", `{"Message":"User is not authorized to perform: apigateway:GET"}`)
	case strings.HasPrefix(call, "Logs_"):
		fail(http.StatusBadRequest, "", `{"__type":"AccessDeniedException","Message":"example"}`)
	case call == "GetTopicAttributes/":
		fail(http.StatusNotFound, "", "<ErrorResponse><Error><Code>NotFound</Code><Message>example</Message></Error></ErrorResponse>")
	default:
		known(w, r)
	}
}

func TestDoctor_Wire(t *testing.T) {
	account(t, deployed)
	code, stdout, stderr := doctor(t, "-stack", "broker")
	for _, line := range []string{
		"pass  aws-identity       arn:aws:iam::111122223333:user/deployer",
		"pass  stack              broker is UPDATE_COMPLETE",
		"FAIL  function           the stack's function broker-Function was deleted by hand",
		"pass  lambda-quota       1000",
		"FAIL  routes             the stack's HTTP API was deleted by hand",
		"????  authorizer         this identity may not call ApiGatewayV2 GetAuthorizer",
		"FAIL  throttling         the HTTP API has no stage",
		"????  log-retention      this identity may not call CloudWatch Logs DescribeLogGroups",
		"pass  alarms             1 alarms",
		"FAIL  alarm-recipients   the alarms notify a topic that does not exist: pager",
		"????  cors               this identity may not call ApiGatewayV2 GetApi",
	} {
		if code != 1 || !strings.Contains("\n"+stdout, "\n"+line) {
			t.Errorf("exit code %d, no line with %q in\n%s%s", code, line, stdout, stderr)
		}
	}
}
