package diagnosis_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

func TestRun_Identity(t *testing.T) {
	t.Parallel()
	runRows(t, []row{
		{"aws-identity", "expired credentials", "blocked", "the AWS credentials have expired",
			func(w *world) { w.fault("GetCallerIdentity", 403, "ExpiredToken") }},
		{"aws-identity", "unknown credentials", "blocked", "AWS does not accept the credentials",
			func(w *world) { w.fault("GetCallerIdentity", 403, "InvalidClientTokenId") }},
		{"aws-identity", "a throttled call", "blocked", "throttled", func(w *world) { w.fault("GetCallerIdentity", 400, "Throttling") }},
		{"aws-identity", "an unknown error", "blocked", "answered Unforeseen",
			func(w *world) { w.fault("GetCallerIdentity", 400, "Unforeseen") }},
		{"aws-identity", "no Region", "blocked", "no AWS Region", func(w *world) { w.options.AWS.Region = "" }},
		{"aws-identity", "no network", "blocked", "cannot be reached",
			func(w *world) { w.options.AWS.BaseEndpoint = aws.String("http://127.0.0.1:1") }},
		{"stack", "without an identity", "skipped", "does not know this caller",
			func(w *world) { w.fault("GetCallerIdentity", 403, "ExpiredToken") }},
		{"end-to-end", "without an identity", "skipped", "the stack could not be read",
			func(w *world) { w.fault("GetCallerIdentity", 403, "ExpiredToken") }},
	})
}

func TestRun_Stack(t *testing.T) {
	t.Parallel()
	const kind = "AWS::CloudFormation::Stack"
	state := func(status string, events ...event) func(w *world) {
		return func(w *world) { w.stack.status, w.stack.events = status, events }
	}
	runRows(t, []row{
		{"stack", "missing", "fail", `there is no stack "broker" in Region eu-central-1`, func(w *world) { w.stack = nil }},
		{"function", "of a missing stack", "skipped", "the stack could not be read", func(w *world) { w.stack = nil }},
		{"stack", "not finished", "fail", "not finished: CREATE_IN_PROGRESS", state("CREATE_IN_PROGRESS")},
		{"stack", "that could not be created, with its first failure", "fail", "(ROLLBACK_COMPLETE): Function: Role is not valid",
			state("ROLLBACK_COMPLETE",
				event{"broker", kind, "ROLLBACK_COMPLETE", ""},
				event{"Alarm", "AWS::CloudWatch::Alarm", "CREATE_FAILED", "Resource creation cancelled"},
				event{"Function", "AWS::Lambda::Function", "CREATE_FAILED", "Role is not\nvalid"},
				event{"broker", kind, "CREATE_IN_PROGRESS", ""})},
		{"stack", "whose update was rolled back, with its first failure", "fail", "failed and was rolled back: Stage: too fast",
			state("UPDATE_ROLLBACK_COMPLETE",
				event{"broker", kind, "UPDATE_ROLLBACK_IN_PROGRESS", ""},
				event{"Stage", "AWS::ApiGatewayV2::Stage", "UPDATE_FAILED", "too fast"},
				event{"broker", kind, "UPDATE_IN_PROGRESS", ""},
				event{"Old", "AWS::SNS::Topic", "CREATE_FAILED", "long ago"})},
		{"stack", "that cannot be deleted", "fail", "in the state DELETE_FAILED", state("DELETE_FAILED")},
	})
}

func TestRun_Function(t *testing.T) {
	t.Parallel()
	permit := func(principal, sourceARN string) func(w *world) {
		return func(w *world) { w.permit("example", principal, sourceARN) }
	}
	alias := func(name, version string) func(w *world) { return func(w *world) { w.moveAlias(name, version) } }
	reserve := func(n int32) func(w *world) {
		return func(w *world) {
			w.must(w.lambda().PutFunctionConcurrency(w.t.Context(), &lambda.PutFunctionConcurrencyInput{
				FunctionName: &w.function, ReservedConcurrentExecutions: &n}))
		}
	}
	log := func(group, format string) func(w *world) { // moto does not return the setting
		return edit("GetFunctionConfiguration", `"MemorySize": 256`,
			fmt.Sprintf(`"MemorySize": 256, "LoggingConfig": {"LogGroup": %q, "LogFormat": %q}`, group, format))
	}
	runRows(t, []row{
		{"function", "not in the stack", "fail", "has no function", without("AWS::Lambda::Function")},
		{"environment", "of no function", "skipped", "the function could not be read", without("AWS::Lambda::Function")},
		{"function", "deleted by hand", "fail", "deleted by hand",
			func(w *world) {
				w.must(w.lambda().DeleteFunction(w.t.Context(), &lambda.DeleteFunctionInput{FunctionName: &w.function}))
			}},
		{"function", "inactive", "fail", "Inactive", answer("GetFunctionConfiguration", `{"State":"Inactive"}`)},
		{"function", "failed", "fail", "state is Failed: no ENI",
			answer("GetFunctionConfiguration", `{"State":"Failed","StateReason":"no ENI"}`)},
		{"function", "with a failed update", "fail", "last update failed: key",
			answer("GetFunctionConfiguration", `{"State":"Active","LastUpdateStatus":"Failed","LastUpdateStatusReason":"key"}`)},
		{"function", "being updated", "fail", "being updated",
			answer("GetFunctionConfiguration", `{"State":"Active","LastUpdateStatus":"InProgress"}`)},
		{"environment", "with a bad variable", "fail", "ATLAS_ATTEMPT_TIMEOUT",
			set("ATLAS_ATTEMPT_TIMEOUT", "soon")},
		{"environment", "with an unresolved reference", "fail", "unresolved",
			set("ATLAS_SECRET_ARN", "{{resolve:secretsmanager:x}}")},
		{"environment", "with the example's base URL", "fail", "example of samconfig.toml",
			set("ATLAS_BASE_URL", "https://atlas.example.com")},
		{"environment", "of SAM's local gateway", "fail", "AWS_SAM_LOCAL", set("AWS_SAM_LOCAL", "true")},
		{"environment", "with the policy for local work", "fail", "for local work",
			set("ATRIP_POLICY_FILE", "policies/local.cedar")},
		{"aliases", "missing", "fail", "service is missing",
			func(w *world) {
				w.must(w.lambda().DeleteAlias(w.t.Context(), &lambda.DeleteAliasInput{FunctionName: &w.function, Name: aws.String("service")}))
			}},
		{"aliases", "on $LATEST", "fail", "api points at $LATEST", alias("api", "$LATEST")},
		{"aliases", "on different versions", "fail", "api runs version 2 and service version 1",
			func(w *world) { w.setEnvironment("ATRIP_SECRET_TTL", "2m"); w.moveAlias("service", "1") }},
		{"aliases", "between two versions", "fail", "canary deployment is under way",
			func(w *world) {
				w.must(w.lambda().UpdateAlias(w.t.Context(), &lambda.UpdateAliasInput{FunctionName: &w.function, Name: aws.String("api"),
					RoutingConfig: &lambdatypes.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"1": 0.1}}}))
			}},
		{"async", "with retries", "fail", "are retried: each retry mints",
			answer("GetFunctionEventInvokeConfig", `{"MaximumRetryAttempts":2}`)},
		{"async", "with Lambda's default", "fail", "Lambda's default",
			func(w *world) {
				input := &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: &w.function}
				w.must(w.lambda().DeleteFunctionEventInvokeConfig(w.t.Context(), input))
			}},
		{"async", "with a destination", "fail", "have a destination",
			answer("GetFunctionEventInvokeConfig",
				`{"MaximumRetryAttempts":0,"DestinationConfig":{"OnSuccess":{"Destination":"arn:aws:sqs:eu-central-1:111122223333:links"}}}`)},
		{"async", "with a destination for failures", "fail", "have a destination",
			answer("GetFunctionEventInvokeConfig",
				`{"MaximumRetryAttempts":0,"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:sqs:eu-central-1:111122223333:links"}}}`)},
		{"function-access", "with a public URL", "fail", "public function URL",
			func(w *world) { w.urls = `[{"AuthType":"NONE","FunctionUrl":"https://example.com"}]` }},
		{"function-access", "for every principal", "fail", "lets every caller in: example", permit("*", "")},
		{"function-access", "for every principal, on a condition", "fail", "lets every caller in: example",
			permit("*", "arn:aws:s3:::123456789012")},
		{"function-access", "for any account's API Gateway", "fail", "lets every caller in: example",
			permit("apigateway.amazonaws.com", "")},
		{"function-access", "for any account's API Gateway, by a wildcard", "fail", "lets every caller in: example",
			permit("apigateway.amazonaws.com", "arn:aws:execute-api:*:*:*/*")},
		{"function-access", "for one more API", "pass", "no statement for every caller",
			permit("apigateway.amazonaws.com", "arn:aws:execute-api:eu-central-1:123456789012:example/*/POST/getAtripToken.do")},
		{"function-access", "without the API's permission", "fail", "does not let the HTTP API",
			func(w *world) {
				w.must(w.lambda().RemovePermission(w.t.Context(), &lambda.RemovePermissionInput{
					FunctionName: &w.function, Qualifier: aws.String("api"), StatementId: aws.String("gateway")}))
			}},
		{"function-access", "for another API only", "fail", "does not let the HTTP API",
			answer("GetPolicy", `{"Policy":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"apigateway.amazonaws.com\"},`+
				`\"Condition\":{\"ArnLike\":{\"AWS:SourceArn\":\"arn:aws:execute-api:eu-central-1:123456789012:other/*\"}}}]}"}`)},
		{"function-access", "of statements that deny", "fail", "does not let the HTTP API", statements("",
			`{"Effect":"Deny","Principal":"*"}, {"Effect":"Deny","Principal":{"Service":"apigateway.amazonaws.com"},"Condition":":API/"}`)},
		{"function-access", "for the API, without the alias", "fail", "does not let the HTTP API", statements("none",
			`{"Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Condition":":123456789012:API/"}`)},
		{"function-access", "that cannot be read", "blocked", "is not a policy document", answer("GetPolicy", `{"Policy":"nothing"}`)},
		{"environment", "with http to another machine", "fail", "must be https",
			answer("GetFunctionConfiguration", `{"State":"Active","MemorySize":256,"Environment":{"Variables":{"AWS_SAM_LOCAL":"",
				"ATLAS_BASE_URL":"http://atlas.invalid","ATLAS_SECRET_ARN":"x"}}}`)},
		{"function", "of $LATEST is not what is called", "pass", "version 1 is active",
			func(w *world) {
				w.must(w.lambda().UpdateFunctionConfiguration(w.t.Context(), &lambda.UpdateFunctionConfigurationInput{
					FunctionName: &w.function, Environment: &lambdatypes.Environment{Variables: map[string]string{"ATLAS_BASE_URL": "?"}}}))
			}},
		{"environment", "of the version behind api", "fail", "ATRIP_SECRET_TTL",
			func(w *world) { set("ATRIP_SECRET_TTL", "never")(w); alias("service", "1")(w) }},
		{"function-settings", "with another memory size", "fail", `the memory size is "512", the parameter MemorySize says "256"`,
			func(w *world) { w.publish(lambda.UpdateFunctionConfigurationInput{MemorySize: aws.Int32(512)}) }},
		{"function-settings", "without a version for a parameter", "fail", "the memory size", parameter("MemorySize", "1024")},
		{"function-settings", "of another architecture", "fail", `the architecture is "arm64"`, parameter("Architecture", "x86_64")},
		{"function-settings", "with other portal hosts", "fail", `ATLAS_PORTAL_HOSTS is "example.org"`,
			set("ATLAS_PORTAL_HOSTS", "example.org")},
		{"function-settings", "with another policy", "fail", "ATRIP_POLICY_FILE", set("ATRIP_POLICY_FILE", "policies/examples/other.cedar")},
		{"function-settings", "with another secret", "fail", "ATLAS_SECRET_ARN", set("ATLAS_SECRET_ARN", "another")},
		{"function-settings", "with a variable added by hand", "fail", "the variable HTTPS_PROXY is not the template's",
			set("HTTPS_PROXY", "http://proxy.example.com")},
		{"function-settings", "in a network that the stack does not set", "fail", `the function's network is "a VPC"`, (*world).noNetwork},
		{"function-settings", "without the stack's network", "fail", `the function's network is "none"`,
			edit("GetFunctionConfiguration", `["subnet-example"]`, "[]")},
		{"function-settings", "that logs to another group", "fail", "the log goes to elsewhere as JSON", log("elsewhere", "JSON")},
		{"function-settings", "that logs text", "fail", "as Text", log(logGroup, "Text")},
		{"concurrency", "of 0", "fail", "Lambda refuses every call", reserve(0)},
		{"concurrency", "reserved by hand", "fail", `the reserved concurrency is "2"`, reserve(2)},
		{"concurrency", "that was removed", "fail", `the reserved concurrency is "-1"`, parameter("ReservedConcurrency", "10")},
		{"concurrency", "as the stack says", "pass", "10 executions are reserved",
			func(w *world) { reserve(10)(w); parameter("ReservedConcurrency", "10")(w) }},
		{"lambda-quota", "of a new account", "fail", "may run 10 executions at once", func(w *world) { w.quota = 10 }},
	})
}

func set(name, value string) func(w *world) { return func(w *world) { w.setEnvironment(name, value) } }

func parameter(name, value string) func(w *world) {
	return func(w *world) { w.stack.parameters[name] = value }
}

// answer makes AWS answer the operation with the JSON.
func answer(operation, text string) func(w *world) {
	return func(w *world) {
		w.faults[operation] = func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte(text)) }
	}
}

// statements makes AWS answer GetPolicy with the statements. API in them stands for the id of the HTTP API. The aliases have
// them too unless aliases is "none".
func statements(aliases, text string) func(w *world) {
	return func(w *world) {
		w.faults["GetPolicy"] = func(rw http.ResponseWriter, r *http.Request) {
			if aliases == "none" && r.URL.Query().Get("Qualifier") != "" {
				rw.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
				rw.WriteHeader(http.StatusNotFound)
				return
			}
			_, _ = fmt.Fprintf(rw, `{"Policy":%q}`, `{"Statement":[`+strings.ReplaceAll(text, "API", w.apiID)+`]}`)
		}
	}
}

// edit replaces a text in AWS's answer to the operation.
func edit(operation, old, with string) func(w *world) {
	return func(w *world) {
		w.faults[operation] = func(rw http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			w.moto.ServeHTTP(answer, r)
			if !strings.Contains(answer.Body.String(), old) {
				w.t.Errorf("the answer to %s does not contain %s: %s", operation, old, answer.Body)
			}
			_, _ = strings.NewReplacer(old, with).WriteString(rw, answer.Body.String())
		}
	}
}

func TestRun_Secret(t *testing.T) {
	t.Parallel()
	runRows(t, []row{
		{"secret", "missing", "fail", "no such secret", set("ATLAS_SECRET_ARN", "another")},
		{"secret", "deleted", "fail", "scheduled for deletion",
			func(w *world) {
				w.must(w.secrets().DeleteSecret(w.t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &w.secretID}))
			}},
		{"secret", "empty", "fail", "the secret is empty",
			func(w *world) {
				w.must(w.secrets().CreateSecret(w.t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("empty")}))
				w.setEnvironment("ATLAS_SECRET_ARN", "empty")
			}},
		{"secret", "in another form", "fail", "must have the keys clientId and clientSecret",
			func(w *world) { w.putSecret(`{"client_id":"a","client_secret":"example-secret"}`) }},
		{"secret", "in another form, before a further account", "fail", "must have the keys clientId and clientSecret",
			func(w *world) {
				w.putSecret("{}")
				w.setEnvironment("ATRIP_ACCOUNTS", `{"brand-b":{"baseUrl":"https://atlas.invalid","secretArn":"brand-b"}}`)
			}},
		{"secret", "of a further account, that is not there", "fail", "of the account brand-b: there is no such secret",
			func(w *world) {
				w.setEnvironment("ATRIP_ACCOUNTS", `{"brand-b":{"baseUrl":"https://atlas.invalid","secretArn":"brand-b"}}`)
			}},
		{"secret", "whose value this identity may not read", "skipped", "this identity may not read",
			func(w *world) { w.fault("GetSecretValue", 400, "AccessDeniedException") }},
		{"secret", "that cannot be decrypted", "fail", "KMS does not decrypt",
			func(w *world) { w.fault("GetSecretValue", 400, "DecryptionFailure") }},
		{"secret", "whose key this identity may not use", "skipped", "KMS does not let this identity decrypt",
			func(w *world) {
				w.faults["GetSecretValue"] = func(rw http.ResponseWriter, _ *http.Request) {
					rw.WriteHeader(http.StatusBadRequest)
					_, _ = rw.Write([]byte(`{"__type":"AccessDeniedException","message":"Access to KMS is not allowed"}`))
				}
			}},
		{"secret", "while Secrets Manager is throttled", "blocked", "throttled",
			func(w *world) { w.fault("GetSecretValue", 400, "ThrottlingException") }},
		{"atlas-credentials", "that Atlas refuses, from a stack with addresses of its own", "skipped", "from here",
			func(w *world) { w.putSecret(`{"clientId":"example-client","clientSecret":"wrong"}`) }},
		{"atlas-credentials", "that Atlas refuses", "fail", "Atlas refuses the credentials",
			func(w *world) {
				w.putSecret(`{"clientId":"example-client","clientSecret":"wrong"}`)
				w.noNetwork()
			}},
		{"atlas-credentials", "that could not be read", "skipped", "no credentials to try",
			func(w *world) { w.fault("GetSecretValue", 400, "AccessDeniedException") }},
		{"egress-ips", "none in production", "fail", "no fixed addresses", (*world).noNetwork},
		{"egress-ips", "of NAT gateways that the stack does not know", "fail", "your own NAT gateways",
			func(w *world) {
				w.stack.parameters["NetworkMode"], w.stack.outputs["EgressIps"] = "existing", "those of your NAT gateways"
			}},
		{"egress-ips", "none in the sandbox", "pass", "the sandbox requires none",
			func(w *world) {
				w.noNetwork()
				w.setEnvironment("ATLAS_BASE_URL", "https://sandbox.atriptech.com")
			}},
	})
}

// without removes the resources of a kind from the stack.
func without(kind string) func(w *world) {
	return func(w *world) {
		w.stack.resources = slices.DeleteFunc(w.stack.resources, func(r physical) bool { return r.kind == kind })
	}
}

// noNetwork is the template's NetworkMode none.
func (w *world) noNetwork() {
	w.stack.parameters["NetworkMode"], w.stack.outputs["EgressIps"] = "none", "none fixed - choose NetworkMode own or existing"
}
