package diagnosis_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	runRows(t, []row{
		{"aws-identity", "expired credentials", func(w *world) { w.fault("GetCallerIdentity", 403, "ExpiredToken") }, "blocked", "the AWS credentials have expired"},
		{"aws-identity", "unknown credentials", func(w *world) { w.fault("GetCallerIdentity", 403, "InvalidClientTokenId") }, "blocked", "AWS does not accept the credentials"},
		{"aws-identity", "a throttled call", func(w *world) { w.fault("GetCallerIdentity", 400, "Throttling") }, "blocked", "throttled"},
		{"aws-identity", "an answer that nobody foresaw", func(w *world) { w.fault("GetCallerIdentity", 400, "Unforeseen") }, "blocked", "answered Unforeseen"},
		{"aws-identity", "no Region", func(w *world) { w.options.AWS.Region = "" }, "blocked", "no AWS Region"},
		{"aws-identity", "no network", func(w *world) { w.options.AWS.BaseEndpoint = aws.String("http://127.0.0.1:1") }, "blocked", "cannot be reached"},
		{"stack", "without an identity", func(w *world) { w.fault("GetCallerIdentity", 403, "ExpiredToken") }, "skipped", "does not know this caller"},
		{"end-to-end", "without an identity", func(w *world) { w.fault("GetCallerIdentity", 403, "ExpiredToken") }, "skipped", "the stack could not be read"},
	})
}

func TestStack(t *testing.T) {
	t.Parallel()
	const kind = "AWS::CloudFormation::Stack"
	state := func(status string, events ...event) func(w *world) {
		return func(w *world) { w.stack.status, w.stack.events = status, events }
	}
	runRows(t, []row{
		{"stack", "that is not there", func(w *world) { w.stack = nil }, "fail", `there is no stack "broker" in Region eu-central-1`},
		{"function", "of a stack that is not there", func(w *world) { w.stack = nil }, "skipped", "the stack could not be read"},
		{"stack", "half deployed", state("CREATE_IN_PROGRESS"), "fail", "half deployed: CREATE_IN_PROGRESS"},
		{"stack", "that could not be made, by its first failure", state("ROLLBACK_COMPLETE",
			event{"broker", kind, "ROLLBACK_COMPLETE", ""},
			event{"Alarm", "AWS::CloudWatch::Alarm", "CREATE_FAILED", "Resource creation cancelled"},
			event{"Function", "AWS::Lambda::Function", "CREATE_FAILED", "Role is not\nvalid"},
			event{"broker", kind, "CREATE_IN_PROGRESS", ""}), "fail", "(ROLLBACK_COMPLETE): Function: Role is not valid"},
		{"stack", "whose update was undone, by the newest deployment's failure", state("UPDATE_ROLLBACK_COMPLETE",
			event{"broker", kind, "UPDATE_ROLLBACK_IN_PROGRESS", ""},
			event{"Stage", "AWS::ApiGatewayV2::Stage", "UPDATE_FAILED", "too fast"},
			event{"broker", kind, "UPDATE_IN_PROGRESS", ""},
			event{"Old", "AWS::SNS::Topic", "CREATE_FAILED", "long ago"}), "fail", "failed and was undone: Stage: too fast"},
		{"stack", "that cannot be deleted", state("DELETE_FAILED"), "fail", "in the state DELETE_FAILED"},
	})
}

func TestFunction(t *testing.T) {
	t.Parallel()
	client := func(w *world) *lambda.Client { return lambda.NewFromConfig(w.direct) }
	permit := func(input lambda.AddPermissionInput) func(w *world) {
		return func(w *world) {
			input.FunctionName, input.Action = &w.function, aws.String("lambda:InvokeFunction")
			w.put(client(w).AddPermission(w.t.Context(), &input))
		}
	}
	alias := func(name, version string) func(w *world) {
		return func(w *world) {
			w.put(client(w).UpdateAlias(w.t.Context(), &lambda.UpdateAliasInput{FunctionName: &w.function, Name: &name, FunctionVersion: &version}))
		}
	}
	runRows(t, []row{
		{"function", "not in the stack", without("AWS::Lambda::Function"), "fail", "holds no function"},
		{"environment", "of no function", without("AWS::Lambda::Function"), "skipped", "the function could not be read"},
		{"function", "deleted by hand", func(w *world) {
			w.put(client(w).DeleteFunction(w.t.Context(), &lambda.DeleteFunctionInput{FunctionName: &w.function}))
		}, "fail", "deleted by hand"},
		{"function", "inactive", answer("GetFunctionConfiguration", `{"State":"Inactive"}`), "fail", "Inactive"},
		{"function", "failed", answer("GetFunctionConfiguration", `{"State":"Failed","StateReason":"no ENI"}`), "fail", "state is Failed: no ENI"},
		{"function", "with a failed update", answer("GetFunctionConfiguration", `{"State":"Active","LastUpdateStatus":"Failed","LastUpdateStatusReason":"key"}`), "fail", "last update failed: key"},
		{"function", "being updated", answer("GetFunctionConfiguration", `{"State":"Active","LastUpdateStatus":"InProgress"}`), "fail", "being updated"},
		{"environment", "with a bad variable", func(w *world) { w.setEnvironment("ATLAS_ATTEMPT_TIMEOUT", "soon") }, "fail", "ATLAS_ATTEMPT_TIMEOUT"},
		{"environment", "with an unresolved reference", func(w *world) { w.setEnvironment("ATLAS_SECRET_ARN", "{{resolve:secretsmanager:x}}") }, "fail", "unresolved"},
		{"environment", "with the example's base URL", func(w *world) { w.setEnvironment("ATLAS_BASE_URL", "https://atlas.example.com") }, "fail", "example of samconfig.toml"},
		{"environment", "of SAM's local gateway", func(w *world) { w.setEnvironment("AWS_SAM_LOCAL", "true") }, "fail", "AWS_SAM_LOCAL"},
		{"environment", "with the policy for local work", func(w *world) { w.setEnvironment("ATRIP_POLICY_FILE", "policies/local.cedar") }, "fail", "for local work"},
		{"aliases", "missing", func(w *world) {
			w.put(client(w).DeleteAlias(w.t.Context(), &lambda.DeleteAliasInput{FunctionName: &w.function, Name: aws.String("service")}))
		}, "fail", "service is missing"},
		{"aliases", "on $LATEST", alias("api", "$LATEST"), "fail", "api points at $LATEST"},
		{"aliases", "apart", func(w *world) {
			w.setEnvironment("ATRIP_SECRET_TTL", "2m")
			w.put(client(w).PublishVersion(w.t.Context(), &lambda.PublishVersionInput{FunctionName: &w.function}))
			alias("api", "2")(w)
		}, "fail", "api runs version 2 and service version 1"},
		{"aliases", "between two versions", func(w *world) {
			w.put(client(w).UpdateAlias(w.t.Context(), &lambda.UpdateAliasInput{FunctionName: &w.function, Name: aws.String("api"),
				RoutingConfig: &lambdatypes.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"1": 0.1}}}))
		}, "fail", "canary deployment is under way"},
		{"async", "with retries", answer("GetFunctionEventInvokeConfig", `{"MaximumRetryAttempts":2}`), "fail", "are retried: each retry mints"},
		{"async", "as Lambda has it by default", func(w *world) {
			w.put(client(w).DeleteFunctionEventInvokeConfig(w.t.Context(), &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: &w.function}))
		}, "fail", "by default"},
		{"async", "with a destination", answer("GetFunctionEventInvokeConfig",
			`{"MaximumRetryAttempts":0,"DestinationConfig":{"OnSuccess":{"Destination":"arn:aws:sqs:eu-central-1:111122223333:links"}}}`), "fail", "have a destination"},
		{"function-access", "with a public URL", func(w *world) { w.urls = `[{"AuthType":"NONE","FunctionUrl":"https://example.com"}]` }, "fail", "public function URL"},
		{"function-access", "for everybody", permit(lambda.AddPermissionInput{StatementId: aws.String("everybody"), Principal: aws.String("*")}), "fail", "lets everybody in: everybody"},
		{"function-access", "for any account's API Gateway, on the alias", permit(lambda.AddPermissionInput{StatementId: aws.String("gateways"),
			Principal: aws.String("apigateway.amazonaws.com"), Qualifier: aws.String("api")}), "fail", "lets everybody in: gateways"},
		{"function-access", "for one API is as it should be", permit(lambda.AddPermissionInput{StatementId: aws.String("gateway"), Principal: aws.String("apigateway.amazonaws.com"),
			SourceArn: aws.String("arn:aws:execute-api:eu-central-1:111122223333:example/*/POST/getAtripToken.do")}), "pass", "no statement for everybody"},
		{"function-access", "that cannot be read", answer("GetPolicy", `{"Policy":"nothing"}`), "blocked", "it is not a policy document"},
		{"environment", "with http to another machine", func(w *world) {
			answer("GetFunctionConfiguration", `{"State":"Active","MemorySize":256,"Environment":{"Variables":{"AWS_SAM_LOCAL":"",
				"ATLAS_BASE_URL":"http://atlas.invalid","ATLAS_SECRET_ARN":"x"}}}`)(w)
		}, "fail", "must be https"},
		{"lambda-quota", "of a new account", func(w *world) { w.quota = 10 }, "fail", "may run 10 executions at once"},
	})
}

// answer makes AWS answer the operation with the JSON.
func answer(operation, text string) func(w *world) {
	return func(w *world) {
		w.faults[operation] = func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte(text)) }
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	client := func(w *world) *secretsmanager.Client { return secretsmanager.NewFromConfig(w.direct) }
	runRows(t, []row{
		{"secret", "that is not there", func(w *world) { w.setEnvironment("ATLAS_SECRET_ARN", "another") }, "fail", "no such secret"},
		{"secret", "deleted", func(w *world) {
			w.put(client(w).DeleteSecret(w.t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &w.secretID}))
		}, "fail", "scheduled for deletion"},
		{"secret", "empty", func(w *world) {
			w.put(client(w).CreateSecret(w.t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("empty")}))
			w.setEnvironment("ATLAS_SECRET_ARN", "empty")
		}, "fail", "the secret is empty"},
		{"secret", "in another form", func(w *world) { w.putSecret(`{"client_id":"a","client_secret":"example-secret"}`) }, "fail", "must have the keys clientId and clientSecret"},
		{"secret", "of a further account, that is not there", func(w *world) {
			w.setEnvironment("ATRIP_ACCOUNTS", `{"brand-b":{"baseUrl":"https://atlas.invalid","secretArn":"brand-b"}}`)
		}, "fail", "of the account brand-b: there is no such secret"},
		{"secret", "that cannot be decrypted", func(w *world) { w.fault("GetSecretValue", 400, "DecryptionFailure") }, "fail", "(kms)"},
		{"secret", "while Secrets Manager is throttled", func(w *world) { w.fault("GetSecretValue", 400, "ThrottlingException") }, "blocked", "throttled"},
		{"atlas-credentials", "that Atlas refuses, from a stack with addresses of its own", func(w *world) {
			w.putSecret(`{"clientId":"example-client","clientSecret":"wrong"}`)
		}, "skipped", "from here"},
		{"atlas-credentials", "that Atlas refuses", func(w *world) {
			w.putSecret(`{"clientId":"example-client","clientSecret":"wrong"}`)
			w.noNetwork()
		}, "fail", "Atlas refuses the credentials"},
		{"atlas-credentials", "that could not be read", func(w *world) { w.fault("GetSecretValue", 400, "AccessDeniedException") }, "skipped", "no credentials to try"},
		{"egress-ips", "none in production", (*world).noNetwork, "fail", "no fixed addresses"},
		{"egress-ips", "of NAT gateways that the stack does not know", func(w *world) {
			w.stack.parameters["NetworkMode"], w.stack.outputs["EgressIps"] = "existing", "those of your NAT gateways"
		}, "fail", "your own NAT gateways"},
		{"egress-ips", "none in the sandbox", func(w *world) {
			w.noNetwork()
			w.setEnvironment("ATLAS_BASE_URL", "https://sandbox.atriptech.com")
		}, "pass", "the sandbox asks for none"},
	})
}

// without takes the resources of a kind out of the stack.
func without(kind string) func(w *world) {
	return func(w *world) {
		w.stack.resources = slices.DeleteFunc(w.stack.resources, func(r physical) bool { return r.kind == kind })
	}
}

// noNetwork is the template's NetworkMode none.
func (w *world) noNetwork() {
	w.stack.parameters["NetworkMode"], w.stack.outputs["EgressIps"] = "none", "none fixed - choose NetworkMode own or existing"
}
