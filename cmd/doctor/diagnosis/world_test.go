package diagnosis_test

import (
	"archive/zip"
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	stacktypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"atriptoken/atlas"
	"atriptoken/atlas/atlastest"
	"atriptoken/cmd/doctor/diagnosis"
	"atriptoken/handler"
	"atriptoken/internal/redact"
	"atriptoken/policy"
	"atriptoken/secret"
)

const (
	goodSecret  = `{"clientId":"example-client","clientSecret":"example-secret"}`
	wrongSecret = `{"clientId":"example-client","clientSecret":"wrong"}`
	goodOrder   = "XPFIW20220209163159425"
	audience    = "atrip-token-broker"
	secretARN   = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:AtlasSecret-example"
	layerARN    = "arn:aws:lambda:eu-central-1:123456789012:layer:atrip-policy:7"
	topicARN    = "arn:aws:sns:eu-central-1:123456789012:broker-alarms"
	functionARN = "arn:aws:lambda:eu-central-1:123456789012:function:broker-Function"
	alarmName   = "broker-AtlasRefused"
	unreachable = "http://127.0.0.1:1" // has no listener; a closed server's port may soon have one
)

// world is a deployment: an AWS account with the stack's resources, a gateway in front of the real handler, Atlas's
// simulator, and an identity provider's documents. A fault is planted by changing what the account answers.
type world struct {
	*account
	options diagnosis.Options
	gateway *gateway
	issuer  *identityProvider
	atlas   *atlastest.Server
	zips    map[string][]byte

	status      stacktypes.StackStatus
	resources   *cloudformation.ListStackResourcesOutput
	parameters  map[string]string
	outputs     map[string]string
	function    *lambda.GetFunctionConfigurationOutput
	environment map[string]string
	permissions *lambda.GetPolicyOutput
	routes      *apigatewayv2.GetRoutesOutput
	integration *gatewaytypes.Integration
	authorizer  *gatewaytypes.JWTConfiguration
	stage       *apigatewayv2.GetStageOutput
	cors        *gatewaytypes.Cors
	logGroup    *logtypes.LogGroup
	alarms      *cloudwatch.DescribeAlarmsOutput
	alarm       *cloudwatchtypes.MetricAlarm
}

// deployed returns a deployment that passes every check.
func deployed(t *testing.T) *world {
	t.Helper()
	w := &world{account: newAccount(t), issuer: newIdentityProvider(t), atlas: atlastest.NewServer(nil)}
	t.Cleanup(w.atlas.Close)
	w.options = diagnosis.Options{
		AWS: w.config(), HTTP: &http.Client{Transport: &http.Transport{}}, Stack: "broker",
		Token: redact.New(tokenFor + audience), WrongToken: redact.New(tokenFor + "another-application"),
		Call: &atlas.Request{OrderNo: goodOrder, UserName: "amelia@example.com", Role: "Finance"},
	}
	w.gateway = newGateway(t, w.broker(w.atlas.URL))
	w.answers["GetCallerIdentity"] = &sts.GetCallerIdentityOutput{Arn: aws.String("arn:aws:iam::123456789012:user/deployer")}
	w.putSecret(goodSecret)
	w.deployFunction()
	w.deployAPI()
	w.deployAlarms()
	w.deployStack()
	w.counted("Requests 3 Succeeded 3")
	return w
}

// broker is the real handler with the account's secret and Atlas's simulator.
func (w *world) broker(atlasURL string) *handler.Handler {
	base, err := url.Parse(atlasURL)
	w.must(err)
	rules, err := policy.Parse("default.cedar", policy.Default)
	w.must(err)
	source := secret.SecretsManager{Client: secretsmanager.NewFromConfig(w.config()), ID: secretARN}
	logger := slog.New(slog.DiscardHandler)
	return handler.New(handler.Config{
		Accounts: map[string]*handler.Account{
			"default": {Atlas: &atlas.Client{BaseURL: base}, Secret: &secret.Store{Fetch: source.Fetch, Logger: logger}},
		},
		Policy: rules, Roles: atlastest.DefaultRoles(), NameClaim: "email", GroupsClaim: "groups",
		AttemptTimeout: 5 * time.Second, Logger: logger,
	})
}

// must fails the test if a step of the preparation failed.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) putSecret(value string) {
	w.answers["DescribeSecret "+secretARN] = &secretsmanager.DescribeSecretOutput{
		LastChangedDate: aws.Time(time.Now()), VersionIdsToStages: map[string][]string{"1": {"AWSCURRENT"}},
	}
	w.answers["GetSecretValue "+secretARN+" AWSCURRENT"] = &secretsmanager.GetSecretValueOutput{
		SecretString: &value, VersionId: aws.String("1"),
	}
	w.answers["GetSecretValue "+secretARN+" AWSPREVIOUS"] = answer("ResourceNotFoundException")
}

func (w *world) deployFunction() {
	w.environment = map[string]string{
		"ATLAS_BASE_URL": w.atlas.URL, "ATLAS_SECRET_ARN": secretARN, "ATLAS_PORTAL_HOSTS": "atriptech.com",
		"ATRIP_POLICY_FILE": "policies/default.cedar", "ATRIP_SECRET_TTL": "1s", "GOMAXPROCS": "1",
		"ATRIP_POLICY_CANDIDATE_FILE": "/opt/next.cedar",
	}
	w.function = &lambda.GetFunctionConfigurationOutput{
		FunctionName: aws.String("broker-Function"), Version: aws.String("1"), State: lambdatypes.StateActive,
		MemorySize: aws.Int32(256), Architectures: []lambdatypes.Architecture{lambdatypes.ArchitectureArm64},
		Environment:   &lambdatypes.EnvironmentResponse{Variables: w.environment},
		Layers:        []lambdatypes.Layer{{Arn: aws.String(layerARN)}},
		VpcConfig:     &lambdatypes.VpcConfigResponse{SubnetIds: []string{"subnet-example"}},
		LoggingConfig: &lambdatypes.LoggingConfig{LogGroup: aws.String("broker-FunctionLogs"), LogFormat: lambdatypes.LogFormatJson},
	}
	w.answers["GetFunctionConfiguration broker-Function api"] = w.function
	w.zips = map[string][]byte{
		"/artifact.zip": w.zip("policies/default.cedar", string(policy.Default)), "/layer.zip": w.zip("next.cedar", string(policy.Default)),
	}
	files := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { _, _ = rw.Write(w.zips[r.URL.Path]) }))
	w.t.Cleanup(files.Close)
	w.answers["GetFunction broker-Function 1"] = &lambda.GetFunctionOutput{
		Code: &lambdatypes.FunctionCodeLocation{Location: aws.String(files.URL + "/artifact.zip")},
	}
	w.answers["GetLayerVersion "+strings.TrimSuffix(layerARN, ":7")] = &lambda.GetLayerVersionOutput{
		Content: &lambdatypes.LayerVersionContentOutput{Location: aws.String(files.URL + "/layer.zip")},
	}
	for _, qualifier := range []string{"api", "service", "$LATEST"} {
		w.answers["GetAlias broker-Function "+qualifier] = &lambda.GetAliasOutput{FunctionVersion: aws.String("1")}
		w.answers["GetFunctionEventInvokeConfig broker-Function "+qualifier] = &lambda.GetFunctionEventInvokeConfigOutput{
			MaximumRetryAttempts: aws.Int32(0),
		}
	}
	w.answers["GetFunctionConcurrency broker-Function"] = &lambda.GetFunctionConcurrencyOutput{}
	w.answers["ListFunctionUrlConfigs broker-Function"] = &lambda.ListFunctionUrlConfigsOutput{}
	w.answers["GetPolicy broker-Function"] = answer("ResourceNotFoundException")
	w.answers["GetPolicy broker-Function:service"] = answer("ResourceNotFoundException")
	w.permissions = &lambda.GetPolicyOutput{}
	w.answers["GetPolicy broker-Function:api"] = w.permissions
	w.permit(gatewayMay)
	w.quota(1000)
}

func (w *world) quota(executions int32) {
	w.answers["GetAccountSettings"] = &lambda.GetAccountSettingsOutput{AccountLimit: &lambdatypes.AccountLimit{
		ConcurrentExecutions: executions, UnreservedConcurrentExecutions: &executions}}
}

// gatewayMay is the statement of the resource policy that lets the HTTP API invoke the alias api.
const gatewayMay = `{"Sid":"gateway","Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Condition":{"ArnLike":` +
	`{"AWS:SourceArn":"arn:aws:execute-api:eu-central-1:123456789012:api-id/*/POST/getAtripToken.do"}}}`

// permit sets the statements of the alias api's resource policy.
func (w *world) permit(statements ...string) {
	w.permissions.Policy = aws.String(`{"Statement":[` + strings.Join(statements, ",") + `]}`)
}

// zip returns a zip of one file.
func (w *world) zip(name, text string) []byte {
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	file, err := writer.Create(name)
	w.must(err)
	_, err = file.Write([]byte(text))
	w.must(err)
	w.must(writer.Close())
	return archive.Bytes()
}

func (w *world) deployAPI() {
	w.cors = &gatewaytypes.Cors{AllowOrigins: w.gateway.origins}
	w.answers["GetApi api-id"] = &apigatewayv2.GetApiOutput{CorsConfiguration: w.cors}
	w.routes = &apigatewayv2.GetRoutesOutput{}
	w.addRoute("POST /getAtripToken.do", gatewaytypes.AuthorizationTypeJwt, "authorizer-id")
	w.answers["GetRoutes api-id"] = w.routes
	integrations := &apigatewayv2.GetIntegrationsOutput{Items: []gatewaytypes.Integration{{
		IntegrationId: aws.String("integration-id"), IntegrationUri: aws.String(functionARN + ":api"), PayloadFormatVersion: aws.String("2.0")}}}
	w.answers["GetIntegrations api-id"], w.integration = integrations, &integrations.Items[0]
	w.authorizer = &gatewaytypes.JWTConfiguration{Issuer: &w.issuer.URL, Audience: []string{audience}}
	w.answers["GetAuthorizer api-id authorizer-id"] = &apigatewayv2.GetAuthorizerOutput{JwtConfiguration: w.authorizer}
	w.stage = &apigatewayv2.GetStageOutput{
		DefaultRouteSettings: &gatewaytypes.RouteSettings{ThrottlingRateLimit: aws.Float64(50), ThrottlingBurstLimit: aws.Int32(100)},
		AccessLogSettings: &gatewaytypes.AccessLogSettings{Format: aws.String(`{"requestId":"$context.requestId"}`),
			DestinationArn: aws.String("arn:aws:logs:eu-central-1:123456789012:log-group:broker-AccessLogs")},
	}
	w.answers["GetStage api-id $default"] = w.stage
}

func (w *world) addRoute(key string, kind gatewaytypes.AuthorizationType, authorizer string) {
	w.routes.Items = append(w.routes.Items, gatewaytypes.Route{RouteKey: &key, Target: aws.String("integrations/integration-id"),
		AuthorizationType: kind, AuthorizerId: &authorizer})
}

func (w *world) deployAlarms() {
	groups := &cloudwatchlogs.DescribeLogGroupsOutput{LogGroups: []logtypes.LogGroup{
		{LogGroupName: aws.String("broker-FunctionLogs"), RetentionInDays: aws.Int32(90)}}}
	w.answers["DescribeLogGroups broker-FunctionLogs"], w.logGroup = groups, &groups.LogGroups[0]
	w.alarms = &cloudwatch.DescribeAlarmsOutput{MetricAlarms: []cloudwatchtypes.MetricAlarm{
		{AlarmName: aws.String(alarmName), AlarmActions: []string{topicARN}, ActionsEnabled: aws.Bool(true)}}}
	w.answers["DescribeAlarms"], w.alarm = w.alarms, &w.alarms.MetricAlarms[0]
	w.confirmed("1")
}

// confirmed sets the number of confirmed subscriptions to the alarms' topic.
func (w *world) confirmed(n string) {
	w.answers["GetTopicAttributes "+topicARN] = &sns.GetTopicAttributesOutput{Attributes: map[string]string{"SubscriptionsConfirmed": n}}
}

func (w *world) deployStack() {
	w.parameters = map[string]string{
		"AuthMode": "JWT", "JwtIssuer": w.issuer.URL, "JwtAudience": audience, "JwtScopes": "", "NetworkMode": "own",
		"CorsOrigins": w.gateway.origins[0], "ThrottleRate": "50", "ThrottleBurst": "100", "LogRetentionDays": "90",
		"Architecture": "arm64", "MemorySize": "256", "ReservedConcurrency": "-1",
		"AtlasBaseUrl": w.atlas.URL, "AtlasPortalHosts": "atriptech.com", "SecretTtl": "1s", "PolicyFile": "policies/default.cedar",
		"PolicyCandidateFile": "/opt/next.cedar", "PolicyLayerArn": layerARN,
	}
	w.outputs = map[string]string{
		"Url": w.gateway.URL + "/getAtripToken.do", "EgressIps": "192.0.2.10,192.0.2.11", "SecretArn": secretARN,
		"ApiAliasArn": functionARN + ":api",
	}
	w.status = stacktypes.StackStatusCreateComplete
	w.resources = &cloudformation.ListStackResourcesOutput{}
	for _, resource := range [][3]string{
		{"Function", "AWS::Lambda::Function", "broker-Function"},
		{"ProbeFunction", "AWS::Lambda::Function", "broker-ProbeFunction"},
		{"Api", "AWS::ApiGatewayV2::Api", "api-id"},
		{"Authorizer", "AWS::ApiGatewayV2::Authorizer", "authorizer-id"},
		{"FunctionLogs", "AWS::Logs::LogGroup", "broker-FunctionLogs"},
		{"AtlasRefusedAlarm", "AWS::CloudWatch::Alarm", alarmName},
	} {
		w.addResource(resource[0], resource[1], resource[2])
	}
	w.answers["ListStackResources broker"] = w.resources
}

func (w *world) addResource(name, kind, id string) {
	w.resources.StackResourceSummaries = append(w.resources.StackResourceSummaries,
		stacktypes.StackResourceSummary{LogicalResourceId: &name, ResourceType: &kind, PhysicalResourceId: &id})
}

// run makes the checks.
func (w *world) run() (report diagnosis.Report) {
	stack := stacktypes.Stack{StackName: aws.String("broker"), StackStatus: w.status}
	for key, value := range w.parameters {
		stack.Parameters = append(stack.Parameters, stacktypes.Parameter{ParameterKey: &key, ParameterValue: &value})
	}
	for key, value := range w.outputs {
		stack.Outputs = append(stack.Outputs, stacktypes.Output{OutputKey: &key, OutputValue: &value})
	}
	w.answers["DescribeStacks broker"] = &cloudformation.DescribeStacksOutput{Stacks: []stacktypes.Stack{stack}}
	for result := range diagnosis.Run(w.t.Context(), w.options) {
		report = append(report, result)
	}
	return report
}
