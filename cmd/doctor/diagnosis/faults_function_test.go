package diagnosis_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	stacktypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
)

// fails makes AWS answer a call with an error.
func fails(call, code string) func(w *world) {
	return func(w *world) { w.answers[call] = answer(code) }
}

func set(name, value string) func(w *world) {
	return func(w *world) { w.environment[name] = value }
}

func parameter(name, value string) func(w *world) {
	return func(w *world) { w.parameters[name] = value }
}

// without removes the resources of a kind from the stack.
func without(kind string) func(w *world) {
	return func(w *world) {
		w.resources.StackResourceSummaries = slices.DeleteFunc(w.resources.StackResourceSummaries,
			func(r stacktypes.StackResourceSummary) bool { return *r.ResourceType == kind })
	}
}

// noNetwork is the template's NetworkMode none.
func noNetwork(w *world) {
	w.parameters["NetworkMode"], w.outputs["EgressIps"] = "none", "none fixed - choose NetworkMode own or existing"
}

func state(status stacktypes.StackStatus) func(w *world) { return func(w *world) { w.status = status } }

var accountFaults = []fault{
	{"aws-identity", "expired credentials", "blocked", "does not accept the credentials (ExpiredToken)",
		fails("GetCallerIdentity", "ExpiredToken")},
	{"aws-identity", "unknown credentials", "blocked", "AWS does not accept the credentials",
		fails("GetCallerIdentity", "InvalidClientTokenId")},
	{"aws-identity", "a throttled call", "blocked", "throttled", fails("GetCallerIdentity", "Throttling")},
	{"aws-identity", "an unknown error", "blocked", "answered Unforeseen", fails("GetCallerIdentity", "Unforeseen")},
	{"aws-identity", "no Region", "blocked", "no AWS Region", func(w *world) { w.options.AWS.Region = "" }},
	{"aws-identity", "no network", "blocked", "cannot be reached",
		func(w *world) { w.answers["GetCallerIdentity"] = errors.New("connection refused") }},
	{"stack", "without an identity", leftOut, "", fails("GetCallerIdentity", "ExpiredToken")},
	{"end-to-end", "without an identity", leftOut, "", fails("GetCallerIdentity", "ExpiredToken")},
	{"lambda-quota", "of a new account", "fail", "may run 10 executions at once", func(w *world) { w.quota(10) }},

	{"stack", "missing", "fail", `there is no stack "broker" in Region eu-central-1`, fails("DescribeStacks", "ValidationError")},
	{"function", "of a missing stack", leftOut, "", fails("DescribeStacks", "ValidationError")},
	{"stack", "not finished", "fail", "not finished: CREATE_IN_PROGRESS", state("CREATE_IN_PROGRESS")},
	{"stack", "that could not be created", "fail", "could not be created (ROLLBACK_COMPLETE)", state("ROLLBACK_COMPLETE")},
	{"stack", "whose update was rolled back", "fail", "failed and was rolled back", state("UPDATE_ROLLBACK_COMPLETE")},
	{"stack", "that cannot be deleted", "fail", "in the state DELETE_FAILED", state("DELETE_FAILED")},
	{"stack", "without an URL", "fail", "no output Url", func(w *world) { delete(w.outputs, "Url") }},
	{"refusals", "without an URL", leftOut, "", func(w *world) { delete(w.outputs, "Url") }},
}

// permit adds a statement that allows the principal to invoke the alias api on the condition.
func permit(principal, condition string) func(w *world) {
	return func(w *world) {
		w.permit(gatewayMay, `{"Sid":"example","Effect":"Allow","Principal":`+principal+`,"Condition":`+condition+`}`)
	}
}

const apiGateway = `{"Service":"apigateway.amazonaws.com"}`

// configured changes the version behind the alias api.
func configured(change func(f *lambda.GetFunctionConfigurationOutput)) func(w *world) {
	return func(w *world) { change(w.function) }
}

// version makes the alias point at a version.
func version(alias, number string) func(w *world) {
	return func(w *world) {
		w.answers["GetAlias broker-Function "+alias] = &lambda.GetAliasOutput{FunctionVersion: &number}
	}
}

func async(config lambda.GetFunctionEventInvokeConfigOutput) func(w *world) {
	return func(w *world) { w.answers["GetFunctionEventInvokeConfig broker-Function service"] = &config }
}

func reserve(n int32) func(w *world) {
	return func(w *world) {
		w.answers["GetFunctionConcurrency broker-Function"] = &lambda.GetFunctionConcurrencyOutput{ReservedConcurrentExecutions: &n}
	}
}

// layer replaces the policy in the layer.
func layer(name, text string) func(w *world) {
	return func(w *world) { w.zips["/layer.zip"] = w.zip(name, text) }
}

var functionFaults = []fault{
	{"function", "not in the stack", "fail", "has no function", without("AWS::Lambda::Function")},
	{"environment", "of no function", leftOut, "", without("AWS::Lambda::Function")},
	{"function", "deleted by hand", "fail", "deleted by hand", fails("GetFunctionConfiguration", "ResourceNotFoundException")},
	{"function", "without its alias", "pass", "version $LATEST is active", func(w *world) {
		w.function.Version = aws.String("$LATEST")
		w.answers["GetFunctionConfiguration broker-Function"] = w.function
		w.answers["GetFunctionConfiguration broker-Function api"] = answer("ResourceNotFoundException")
		w.answers["GetFunction"] = answer("ResourceNotFoundException")
	}},
	{"function", "inactive", "fail", "Inactive", configured(func(f *lambda.GetFunctionConfigurationOutput) { f.State = "Inactive" })},
	{"function", "failed", "fail", "state is Failed: no ENI",
		configured(func(f *lambda.GetFunctionConfigurationOutput) {
			f.State, f.StateReason = "Failed", aws.String("no ENI")
		})},
	{"function", "with a failed update", "fail", "last update failed: key",
		configured(func(f *lambda.GetFunctionConfigurationOutput) {
			f.LastUpdateStatus, f.LastUpdateStatusReason = "Failed", aws.String("key")
		})},
	{"function", "being updated", "fail", "being updated",
		configured(func(f *lambda.GetFunctionConfigurationOutput) { f.LastUpdateStatus = "InProgress" })},

	{"environment", "with a bad variable", "fail", "ATLAS_ATTEMPT_TIMEOUT", set("ATLAS_ATTEMPT_TIMEOUT", "soon")},
	{"environment", "with an unresolved reference", "fail", "unresolved", func(w *world) {
		w.environment["ATLAS_SECRET_ARN"], w.answers["DescribeSecret"] = "{{resolve:secretsmanager:x}}", answer("ResourceNotFoundException")
	}},
	{"environment", "with the example's base URL", "fail", "example of samconfig.toml", set("ATLAS_BASE_URL", "https://atlas.example.com")},
	{"environment", "with http to another machine", "fail", "must be https", set("ATLAS_BASE_URL", "http://atlas.invalid")},
	{"environment", "of SAM's local gateway", "fail", "AWS_SAM_LOCAL", set("AWS_SAM_LOCAL", "true")},
	{"environment", "with the policy for local work", "fail", "for local work", set("ATRIP_POLICY_FILE", "policies/local.cedar")},

	{"policy", "of the artifact and of the layer", "pass",
		"policies/default.cedar in the artifact has 4 policies; the candidate /opt/next.cedar in arn:aws:lambda:", func(*world) {}},
	{"policy", "missing in the artifact", "fail", "policies/mine.cedar is not in the artifact: the function does not start",
		set("ATRIP_POLICY_FILE", "policies/mine.cedar")},
	{"policy", "missing in the layer", "fail", "/opt/next.cedar is not in arn:aws:lambda:", layer("policies/next.cedar", "")},
	{"policy", "of no layer", "fail", "/opt/next.cedar is not in a layer",
		configured(func(f *lambda.GetFunctionConfigurationOutput) { f.Layers = nil })},
	{"policy", "that is not Cedar", "fail", "a policy is wrong: /opt/next.cedar:1:1: expected `permit` or `forbid`",
		layer("next.cedar", "allow")},
	{"policy", "that the schema does not allow", "fail", "/opt/next.cedar:1:70: the context has no `roel`",
		layer("next.cedar", `permit (principal is Operator, action, resource) when { 1 == context.roel };`)},
	{"policy", "for callers without an identity", "fail", "/opt/next.cedar permits callers without an identity",
		layer("next.cedar", `permit (principal is Anonymous, action, resource);`)},
	{"policy", "of a deleted layer version", "fail", "was deleted", fails("GetLayerVersion", "ResourceNotFoundException")},
	{"policy", "that cannot be downloaded", "blocked", "AWS cannot be reached", func(w *world) {
		w.answers["GetLayerVersion"] = &lambda.GetLayerVersionOutput{
			Content: &lambdatypes.LayerVersionContentOutput{Location: aws.String(unreachable + "/?signature=example-secret")}}
	}},
	{"policy", "of a function that does not start", leftOut, "", set("ATRIP_SECRET_TTL", "never")},

	{"concurrency", "of 0", "fail", "Lambda refuses every call", reserve(0)},
	{"concurrency", "as the stack says", "pass", "10 executions are reserved",
		func(w *world) { reserve(10)(w); parameter("ReservedConcurrency", "10")(w) }},

	{"aliases", "missing", "fail", "service is missing", fails("GetAlias broker-Function service", "ResourceNotFoundException")},
	{"aliases", "on $LATEST", "fail", "api points at $LATEST", version("api", "$LATEST")},
	{"aliases", "on different versions", "fail", "api runs version 2 and service version 1", version("api", "2")},
	{"aliases", "between two versions", "fail", "canary deployment is under way", func(w *world) {
		w.answers["GetAlias broker-Function api"] = &lambda.GetAliasOutput{FunctionVersion: aws.String("1"),
			RoutingConfig: &lambdatypes.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"2": 0.1}}}
	}},

	{"async", "with retries", "fail", "are retried: each retry mints",
		async(lambda.GetFunctionEventInvokeConfigOutput{MaximumRetryAttempts: aws.Int32(2)})},
	{"async", "with Lambda's default", "fail", "Lambda's default", fails("GetFunctionEventInvokeConfig", "ResourceNotFoundException")},
	{"async", "with a destination", "fail", "have a destination",
		async(lambda.GetFunctionEventInvokeConfigOutput{MaximumRetryAttempts: aws.Int32(0), DestinationConfig: &lambdatypes.DestinationConfig{
			OnSuccess: &lambdatypes.OnSuccess{Destination: aws.String("arn:aws:sqs:eu-central-1:111122223333:links")}}})},
	{"async", "with a destination for failures", "fail", "have a destination",
		async(lambda.GetFunctionEventInvokeConfigOutput{MaximumRetryAttempts: aws.Int32(0), DestinationConfig: &lambdatypes.DestinationConfig{
			OnFailure: &lambdatypes.OnFailure{Destination: aws.String("arn:aws:sqs:eu-central-1:111122223333:links")}}})},

	{"function-access", "with a public URL", "fail", "public function URL", func(w *world) {
		w.answers["ListFunctionUrlConfigs"] = &lambda.ListFunctionUrlConfigsOutput{
			FunctionUrlConfigs: []lambdatypes.FunctionUrlConfig{{AuthType: lambdatypes.FunctionUrlAuthTypeNone}}}
	}},
	{"function-access", "for every principal", "fail", "lets every caller in: example", permit(`"*"`, "{}")},
	{"function-access", "for every principal, on a condition", "fail", "lets every caller in: example",
		permit(`{"AWS":"*"}`, `{"ArnLike":{"AWS:SourceArn":"arn:aws:sns:eu-central-1:123456789012:example"}}`)},
	{"function-access", "for any account's API Gateway", "fail", "lets every caller in: example", permit(apiGateway, "{}")},
	{"function-access", "for any account's API Gateway, by a wildcard", "fail", "lets every caller in: example",
		permit(apiGateway, `{"ArnLike":{"AWS:SourceArn":"arn:aws:execute-api:*:*:*/*"}}`)},
	{"function-access", "for one more API", "pass", "no statement for every caller",
		permit(apiGateway, `{"ArnLike":{"AWS:SourceArn":"arn:aws:execute-api:eu-central-1:123456789012:other/*/POST/getAtripToken.do"}}`)},
	{"function-access", "of the function itself, for every principal", "fail", "lets every caller in: example", func(w *world) {
		w.answers["GetPolicy broker-Function"] = &lambda.GetPolicyOutput{
			Policy: aws.String(`{"Statement":[{"Sid":"example","Effect":"Allow","Principal":"*"}]}`)}
	}},
	{"function-access", "without the API's permission", "fail", "does not let the HTTP API",
		fails("GetPolicy broker-Function:api", "ResourceNotFoundException")},
	{"function-access", "for another API only", "fail", "does not let the HTTP API",
		func(w *world) { w.permit(strings.ReplaceAll(gatewayMay, "api-id", "other")) }},
	{"function-access", "of statements that deny", "fail", "does not let the HTTP API",
		func(w *world) {
			w.permit(strings.ReplaceAll(gatewayMay, "Allow", "Deny"), `{"Effect":"Deny","Principal":"*"}`)
		}},
	{"function-access", "for the API, without the alias", "fail", "does not let the HTTP API", func(w *world) {
		w.answers["GetPolicy broker-Function"] = &lambda.GetPolicyOutput{Policy: aws.String(`{"Statement":[` + gatewayMay + `]}`)}
		w.permit()
	}},
	{"function-access", "that cannot be read", "blocked", "is not a policy document",
		func(w *world) { w.permissions.Policy = aws.String("nothing") }},

	{"settings", "another memory size", "fail", `the memory size is "512", the parameter MemorySize says "256"`,
		configured(func(f *lambda.GetFunctionConfigurationOutput) { f.MemorySize = aws.Int32(512) })},
	{"settings", "a parameter for which no version was published", "fail", "the memory size", parameter("MemorySize", "1024")},
	{"settings", "another rate, while the function cannot be read", "fail", `the rate is "5000"`, func(w *world) {
		w.answers["GetFunctionConfiguration"] = answer("AccessDeniedException")
		throttled(5000, 100)(w)
	}},
	{"settings", "of which some cannot be read", "pass", "nothing that could be read differs", fails("GetStage", "AccessDeniedException")},
	{"settings", "another architecture", "fail", `the architecture is "arm64"`, parameter("Architecture", "x86_64")},
	{"settings", "another layer", "fail", `the parameter PolicyLayerArn says "other"`, parameter("PolicyLayerArn", "other")},
	{"settings", "another secret", "fail", "ATLAS_SECRET_ARN", func(w *world) { w.outputs["SecretArn"] = "another" }},
	{"settings", "a variable added by hand", "fail", "the variable HTTPS_PROXY is not the template's",
		set("HTTPS_PROXY", "http://proxy.example.com")},
	{"settings", "a network that the stack does not set", "fail", `the function's network is "a VPC"`, noNetwork},
	{"settings", "no network", "fail", `the function's network is "none"`,
		configured(func(f *lambda.GetFunctionConfigurationOutput) { f.VpcConfig.SubnetIds = nil })},
	{"settings", "another log group", "fail", "the log goes to elsewhere as JSON",
		configured(func(f *lambda.GetFunctionConfigurationOutput) { f.LoggingConfig.LogGroup = aws.String("elsewhere") })},
	{"settings", "a log in text", "fail", "as Text",
		configured(func(f *lambda.GetFunctionConfigurationOutput) { f.LoggingConfig.LogFormat = "Text" })},
	{"settings", "concurrency reserved by hand", "fail", `the reserved concurrency is "2"`, reserve(2)},
	{"settings", "reserved concurrency that was removed", "fail", `the reserved concurrency is "-1"`, parameter("ReservedConcurrency", "10")},
}

const brandB = `{"brand-b":{"baseUrl":"https://atlas.invalid","secretArn":"brand-b"}}`

var secretFaults = []fault{
	{"secret", "missing", "fail", "no such secret", fails("DescribeSecret", "ResourceNotFoundException")},
	{"secret", "deleted", "fail", "scheduled for deletion", func(w *world) {
		w.answers["DescribeSecret"] = &secretsmanager.DescribeSecretOutput{DeletedDate: aws.Time(time.Now())}
	}},
	{"secret", "empty", "fail", "the secret is empty",
		func(w *world) { w.answers["DescribeSecret"] = &secretsmanager.DescribeSecretOutput{} }},
	{"secret", "in another form", "fail", "must have the keys clientId and clientSecret",
		func(w *world) { w.putSecret(`{"client_id":"a","client_secret":"example-secret"}`) }},
	{"secret", "in another form, before a further account", "fail", "must have the keys clientId and clientSecret",
		func(w *world) { w.putSecret("{}"); w.environment["ATRIP_ACCOUNTS"] = brandB }},
	{"secret", "of a further account, that is not there", "fail", "of the account brand-b: there is no such secret", func(w *world) {
		w.environment["ATRIP_ACCOUNTS"], w.answers["DescribeSecret brand-b"] = brandB, answer("ResourceNotFoundException")
	}},
	{"secret", "whose value this identity may not read", "skipped", "this identity may not read",
		fails("GetSecretValue", "AccessDeniedException")},
	{"secret", "that cannot be decrypted", "fail", "KMS does not decrypt",
		func(w *world) { w.answers["GetSecretValue"] = &secrettypes.DecryptionFailure{} }},
	{"secret", "whose key this identity may not use", "skipped", "KMS does not let this identity decrypt", func(w *world) {
		w.answers["GetSecretValue"] = &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "Access to KMS is not allowed"}
	}},
	{"secret", "while Secrets Manager is throttled", "blocked", "throttled", fails("GetSecretValue", "ThrottlingException")},
	{"secret", "without a stack, not named", "skipped", "-secret", before(unreachable)},

	{"atlas-credentials", "that Atlas refuses, from a stack with addresses of its own", "skipped", "from here",
		func(w *world) { w.putSecret(wrongSecret) }},
	{"atlas-credentials", "that Atlas refuses", "fail", "Atlas refuses the credentials",
		func(w *world) { w.putSecret(wrongSecret); noNetwork(w) }},
	{"atlas-credentials", "that could not be read", leftOut, "", fails("GetSecretValue", "AccessDeniedException")},
	{"atlas-credentials", "without a stack, not named", leftOut, "", before(unreachable)},

	{"egress-ips", "none in production", "fail", "no fixed addresses", noNetwork},
	{"egress-ips", "of NAT gateways that the stack does not know", "fail", "your own NAT gateways", func(w *world) {
		w.parameters["NetworkMode"], w.outputs["EgressIps"] = "existing", "those of your NAT gateways"
	}},
	{"egress-ips", "none in the sandbox", "pass", "the sandbox requires none",
		func(w *world) {
			noNetwork(w)
			w.environment["ATLAS_BASE_URL"] = "https://sandbox.atriptech.com"
			w.options.HTTP.Transport = offline{}
		}},
}

// offline refuses to send anything.
type offline struct{}

func (offline) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("offline") }
