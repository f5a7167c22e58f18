package diagnosis_test

import (
	"archive/zip"
	"bytes"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"atriptoken/atlas"
	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
	"atriptoken/internal/redact"
	"atriptoken/policy"
	"atriptoken/secret"
)

const (
	goodSecret = `{"clientId":"example-client","clientSecret":"example-secret"}`
	alarmName  = "broker-AtlasRefused"
	logGroup   = "broker-FunctionLogs"
	accessLogs = "broker-AccessLogs"
	goodOrder  = "XPFIW20220209163159425"
	audience   = "atrip-token-broker"

	unreachable = "http://127.0.0.1:1" // has no listener; a closed server's port may soon have one
)

// deployed returns a deployment that passes every check.
func deployed(t *testing.T) *world {
	t.Helper()
	w := emptyWorld(t)
	w.function = "broker-Function"
	w.issuer = newIdentityProvider(t)
	w.atlas = atlastest.NewServer(nil)
	t.Cleanup(w.atlas.Close)

	secret, err := w.secrets().CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("AtlasSecret-example"), SecretString: aws.String(goodSecret)})
	w.must(secret, err)
	w.secretID = *secret.ARN
	w.createFunction()
	w.gateway = newGateway(t, w.broker(w.atlas.URL))
	w.createAPI()
	w.createAlarm()
	logs := cloudwatchlogs.NewFromConfig(w.direct)
	w.must(logs.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(logGroup)}))
	w.must(logs.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{
		LogGroupName: aws.String(logGroup), RetentionInDays: aws.Int32(90)}))

	w.stack = &described{
		status: "CREATE_COMPLETE",
		parameters: map[string]string{
			"AuthMode": "JWT", "JwtIssuer": w.issuer.URL, "JwtAudience": audience, "JwtScopes": "", "NetworkMode": "own",
			"CorsOrigins": w.gateway.origins[0], "ThrottleRate": "50", "ThrottleBurst": "100", "LogRetentionDays": "90",
			"Architecture": "arm64", "MemorySize": "256", "ReservedConcurrency": "-1",
			"AtlasBaseUrl": w.atlas.URL, "AtlasPortalHosts": "atriptech.com", "SecretTtl": "1s", "PolicyFile": "policies/default.cedar",
			"PolicyCandidateFile": "/opt/next.cedar", "PolicyLayerArn": w.layer,
		},
		outputs: map[string]string{
			"Url": w.gateway.URL + "/getAtripToken.do", "EgressIps": "192.0.2.10,192.0.2.11", "SecretArn": w.secretID,
			"ApiAliasArn": "arn:example:api",
		},
		resources: []physical{
			{"Function", "AWS::Lambda::Function", w.function},
			{"ProbeFunction", "AWS::Lambda::Function", "broker-ProbeFunction"},
			{"Api", "AWS::ApiGatewayV2::Api", w.apiID},
			{"Authorizer", "AWS::ApiGatewayV2::Authorizer", w.authorizerID},
			{"FunctionLogs", "AWS::Logs::LogGroup", logGroup},
			{"AtlasRefusedAlarm", "AWS::CloudWatch::Alarm", alarmName},
		},
	}
	w.options.Stack = "broker"
	w.options.Token = redact.New(tokenFor + audience)
	w.options.WrongToken = redact.New(tokenFor + "another-application")
	w.options.Call = &atlas.Request{OrderNo: goodOrder, UserName: "amelia@example.com", Role: "Finance"}
	w.count(map[string]float64{"Requests": 3, "Succeeded": 3})
	return w
}

// must fails the test if a step of the preparation failed.
func (w *world) must(_ any, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) api() *apigatewayv2.Client       { return apigatewayv2.NewFromConfig(w.direct) }
func (w *world) lambda() *lambda.Client          { return lambda.NewFromConfig(w.direct) }
func (w *world) metrics() *cloudwatch.Client     { return cloudwatch.NewFromConfig(w.direct) }
func (w *world) secrets() *secretsmanager.Client { return secretsmanager.NewFromConfig(w.direct) }

func (w *world) environment() map[string]string {
	return map[string]string{
		"ATLAS_BASE_URL": w.atlas.URL, "ATLAS_SECRET_ARN": w.secretID, "ATLAS_PORTAL_HOSTS": "atriptech.com",
		"ATRIP_POLICY_FILE": "policies/default.cedar", "ATRIP_SECRET_TTL": "1s", "GOMAXPROCS": "1",
		"ATRIP_POLICY_CANDIDATE_FILE": "/opt/next.cedar",
	}
}

// broker is the real handler with moto's Secrets Manager and Atlas's simulator.
func (w *world) broker(atlasURL string) *handler.Handler {
	w.t.Helper()
	base, err := url.Parse(atlasURL)
	w.must(nil, err)
	text, err := os.ReadFile("../../../policy/default.cedar")
	w.must(nil, err)
	rules, err := policy.Parse("default.cedar", text)
	w.must(nil, err)
	source := secret.SecretsManager{Client: w.secrets(), ID: w.secretID}
	logger := slog.New(slog.DiscardHandler)
	return handler.New(handler.Config{
		Accounts: map[string]*handler.Account{
			"default": {Atlas: &atlas.Client{BaseURL: base}, Secret: &secret.Store{Fetch: source.Fetch, Logger: logger}},
		},
		Policy: rules, Roles: atlastest.DefaultRoles(), NameClaim: "email", GroupsClaim: "groups",
		AttemptTimeout: 5 * time.Second, Logger: logger,
	})
}

func (w *world) putSecret(value string) {
	w.t.Helper()
	w.must(w.secrets().PutSecretValue(w.t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &w.secretID, SecretString: &value}))
}

func (w *world) createFunction() {
	ctx := w.t.Context()
	role, err := iam.NewFromConfig(w.direct).CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: aws.String("broker"), AssumeRolePolicyDocument: aws.String("{}")})
	w.must(role, err)
	w.zips = map[string][]byte{
		"/artifact.zip": w.zip("policies/default.cedar", string(policy.Default)), "/layer.zip": w.zip("next.cedar", string(policy.Default)),
	}
	layer, err := w.lambda().PublishLayerVersion(ctx, &lambda.PublishLayerVersionInput{
		LayerName: aws.String("atrip-policy"), Content: &lambdatypes.LayerVersionContentInput{ZipFile: w.zips["/layer.zip"]}})
	w.must(layer, err)
	w.layer = *layer.LayerVersionArn
	w.must(w.lambda().CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: &w.function, Role: role.Role.Arn, Publish: true,
		Layers: []string{w.layer}, Code: &lambdatypes.FunctionCode{ZipFile: w.zips["/artifact.zip"]},
		Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		MemorySize: aws.Int32(256), Architectures: []lambdatypes.Architecture{lambdatypes.ArchitectureArm64},
		Environment: &lambdatypes.Environment{Variables: w.environment()},
		VpcConfig:   &lambdatypes.VpcConfig{SubnetIds: []string{"subnet-example"}, SecurityGroupIds: []string{"sg-example"}},
	}))
	for _, alias := range []string{"api", "service"} {
		w.must(w.lambda().CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: &w.function, Name: &alias, FunctionVersion: aws.String("1")}))
	}
	w.must(w.lambda().PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: &w.function, MaximumRetryAttempts: aws.Int32(0), MaximumEventAgeInSeconds: aws.Int32(60)}))
}

// zip returns a zip of one file.
func (w *world) zip(name, text string) []byte {
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	file, err := writer.Create(name)
	w.must(nil, err)
	w.must(file.Write([]byte(text)))
	w.must(nil, writer.Close())
	return archive.Bytes()
}

// setEnvironment publishes a version with the variable changed, and moves both aliases to it.
func (w *world) setEnvironment(name, value string) {
	environment := w.environment()
	environment[name] = value
	w.publish(lambda.UpdateFunctionConfigurationInput{Environment: &lambdatypes.Environment{Variables: environment}})
}

// publish publishes a version with the change, and moves both aliases to it.
func (w *world) publish(change lambda.UpdateFunctionConfigurationInput) {
	change.FunctionName = &w.function
	w.must(w.lambda().UpdateFunctionConfiguration(w.t.Context(), &change))
	version, err := w.lambda().PublishVersion(w.t.Context(), &lambda.PublishVersionInput{FunctionName: &w.function})
	w.must(version, err)
	w.moveAlias("api", *version.Version)
	w.moveAlias("service", *version.Version)
}

func (w *world) moveAlias(name, version string) {
	input := &lambda.UpdateAliasInput{FunctionName: &w.function, Name: &name, FunctionVersion: &version}
	w.must(w.lambda().UpdateAlias(w.t.Context(), input))
}

// permit adds a statement to the resource policy of the alias api.
func (w *world) permit(id, principal, sourceARN string) {
	input := &lambda.AddPermissionInput{FunctionName: &w.function, Qualifier: aws.String("api"), StatementId: &id,
		Action: aws.String("lambda:InvokeFunction"), Principal: &principal}
	if sourceARN != "" {
		input.SourceArn = &sourceARN
	}
	w.must(w.lambda().AddPermission(w.t.Context(), input))
}

func (w *world) createAPI() {
	ctx := w.t.Context()
	created, err := w.api().CreateApi(ctx, &apigatewayv2.CreateApiInput{
		Name: aws.String("broker"), ProtocolType: gatewaytypes.ProtocolTypeHttp,
		CorsConfiguration: &gatewaytypes.Cors{AllowOrigins: w.gateway.origins, AllowMethods: []string{"POST"}}})
	w.must(created, err)
	w.apiID = *created.ApiId
	authorizer, err := w.api().CreateAuthorizer(ctx, &apigatewayv2.CreateAuthorizerInput{ApiId: &w.apiID, Name: aws.String("operators"),
		AuthorizerType: gatewaytypes.AuthorizerTypeJwt, IdentitySource: []string{"$request.header.Authorization"},
		JwtConfiguration: &gatewaytypes.JWTConfiguration{Issuer: &w.issuer.URL, Audience: []string{audience}}})
	w.must(authorizer, err)
	w.authorizerID = *authorizer.AuthorizerId
	function := "arn:aws:lambda:" + region + ":123456789012:function:" + w.function + ":api"
	integration, err := w.api().CreateIntegration(ctx, &apigatewayv2.CreateIntegrationInput{ApiId: &w.apiID,
		IntegrationType: gatewaytypes.IntegrationTypeAwsProxy, IntegrationUri: &function, PayloadFormatVersion: aws.String("2.0")})
	w.must(integration, err)
	w.integrationID = *integration.IntegrationId
	w.createRoute("POST /getAtripToken.do", w.authorizerID)
	w.permit("gateway", "apigateway.amazonaws.com", "arn:aws:execute-api:"+region+":123456789012:"+w.apiID+"/*/POST/getAtripToken.do")
	w.must(w.api().CreateStage(ctx, &apigatewayv2.CreateStageInput{ApiId: &w.apiID, StageName: aws.String("$default"),
		DefaultRouteSettings: &gatewaytypes.RouteSettings{ThrottlingRateLimit: aws.Float64(50), ThrottlingBurstLimit: aws.Int32(100)},
		AccessLogSettings: &gatewaytypes.AccessLogSettings{Format: aws.String(`{"requestId":"$context.requestId"}`),
			DestinationArn: aws.String("arn:aws:logs:eu-central-1:111122223333:log-group:" + accessLogs)}}))
}

// createRoute creates a route with the JWT authorizer, or an open one if authorizer is "".
func (w *world) createRoute(key, authorizer string) {
	input := &apigatewayv2.CreateRouteInput{ApiId: &w.apiID, RouteKey: &key, Target: aws.String("integrations/" + w.integrationID)}
	if authorizer != "" {
		input.AuthorizationType, input.AuthorizerId = gatewaytypes.AuthorizationTypeJwt, &authorizer
	}
	w.must(w.api().CreateRoute(w.t.Context(), input))
}

// changeAuthorizer replaces the authorizer's JWT configuration.
func (w *world) changeAuthorizer(issuer string, audience ...string) {
	w.t.Helper()
	w.must(w.api().UpdateAuthorizer(w.t.Context(), &apigatewayv2.UpdateAuthorizerInput{ApiId: &w.apiID, AuthorizerId: &w.authorizerID,
		JwtConfiguration: &gatewaytypes.JWTConfiguration{Issuer: &issuer, Audience: audience}}))
}

func (w *world) createAlarm() {
	client := sns.NewFromConfig(w.direct)
	topic, err := client.CreateTopic(w.t.Context(), &sns.CreateTopicInput{Name: aws.String("broker-alarms")})
	w.must(topic, err)
	w.topic = *topic.TopicArn
	w.must(client.Subscribe(w.t.Context(), &sns.SubscribeInput{
		TopicArn: &w.topic, Protocol: aws.String("email"), Endpoint: aws.String("ops@example.com")}))
	w.putAlarm(true, w.topic)
}

func (w *world) putAlarm(enabled bool, actions ...string) {
	w.must(w.metrics().PutMetricAlarm(w.t.Context(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String(alarmName), Namespace: aws.String("AtripToken"), MetricName: aws.String("AtlasRefused"),
		Statistic: cloudwatchtypes.StatisticSum, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1),
		ComparisonOperator: cloudwatchtypes.ComparisonOperatorGreaterThanOrEqualToThreshold, ActionsEnabled: &enabled, AlarmActions: actions,
	}))
}

// count stores values of the function's metrics, or of those of Lambda, API Gateway or the probe if the name begins so.
func (w *world) count(values map[string]float64) {
	for name, value := range values {
		namespace, dimensions := "AtripToken", []string{"function", w.function}
		switch owner, own, _ := strings.Cut(name, "/"); {
		case name == "Lambda/Errors":
			name, namespace, dimensions = own, "AWS/Lambda", []string{"FunctionName", w.function, "Resource", w.function + ":api"}
		case owner == "Lambda":
			name, namespace, dimensions = own, "AWS/Lambda", []string{"FunctionName", w.function}
		case owner == "ApiGateway":
			name, namespace, dimensions = own, "AWS/ApiGateway", []string{"ApiId", w.apiID}
		case owner == "Probe":
			name, dimensions = own, []string{"function", "broker-ProbeFunction"}
		}
		datum := cloudwatchtypes.MetricDatum{MetricName: &name, Value: &value, Timestamp: aws.Time(time.Now().Add(-time.Minute))}
		for pair := range slices.Chunk(dimensions, 2) {
			datum.Dimensions = append(datum.Dimensions, cloudwatchtypes.Dimension{Name: &pair[0], Value: &pair[1]})
		}
		w.must(w.metrics().PutMetricData(w.t.Context(), &cloudwatch.PutMetricDataInput{
			Namespace: &namespace, MetricData: []cloudwatchtypes.MetricDatum{datum}}))
	}
}
