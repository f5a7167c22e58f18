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
	goodOrder  = "XPFIW20220209163159425"
)

// deployed returns a broker in an account that every check is content with.
func deployed(t *testing.T) *world {
	t.Helper()
	w := emptyWorld(t)
	w.function = "broker-Function"
	w.issuer = newIdentityProvider(t)
	w.atlas = atlastest.NewServer(nil)
	t.Cleanup(w.atlas.Close)

	w.makeSecret()
	w.makeFunction(w.environment())
	w.gateway = newGateway(t, w.broker(), w.issuer)
	w.makeAPI()
	w.makeAlarm()
	w.put(cloudwatchlogs.NewFromConfig(w.direct).CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(logGroup)}))
	w.retain(90)

	w.stack = &described{
		status:     "CREATE_COMPLETE",
		parameters: map[string]string{"AuthMode": "JWT", "JwtAudience": "atrip-token-broker", "NetworkMode": "own"},
		outputs:    map[string]string{"Url": w.gateway.URL + "/getAtripToken.do", "EgressIps": "192.0.2.10,192.0.2.11"},
		resources: []physical{
			{"Function", "AWS::Lambda::Function", w.function},
			{"Api", "AWS::ApiGatewayV2::Api", w.apiID},
			{"Authorizer", "AWS::ApiGatewayV2::Authorizer", w.authorizerID},
			{"FunctionLogs", "AWS::Logs::LogGroup", logGroup},
			{"AtlasRefusedAlarm", "AWS::CloudWatch::Alarm", alarmName},
		},
	}
	w.options.Stack = "broker"
	w.options.Token = redact.New(w.issuer.token("atrip-token-broker"))
	w.options.WrongToken = redact.New(w.issuer.token("another-application"))
	w.options.Call = &atlas.Request{OrderNo: goodOrder, UserName: "amelia@example.com", Role: "Finance"}
	w.count(map[string]float64{"Requests": 3, "Succeeded": 3})
	return w
}

// put fails the test when a step of the preparation failed.
func (w *world) put(_ any, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) environment() map[string]string {
	return map[string]string{
		"ATLAS_BASE_URL": w.atlas.URL, "ATLAS_SECRET_ARN": w.secretID, "ATRIP_POLICY_FILE": "policies/default.cedar",
		"ATRIP_SECRET_TTL": "1s", "AWS_LAMBDA_FUNCTION_NAME": w.function,
	}
}

// broker is the real handler, on moto's Secrets Manager and Atlas's simulator.
func (w *world) broker() *handler.Handler {
	w.t.Helper()
	base, err := url.Parse(w.atlas.URL)
	w.put(nil, err)
	text, err := os.ReadFile("../../../policy/default.cedar")
	w.put(nil, err)
	rules, err := policy.Parse("default.cedar", text)
	w.put(nil, err)
	source := secret.SecretsManager{Client: secretsmanager.NewFromConfig(w.direct), ID: w.secretID}
	logger := slog.New(slog.DiscardHandler)
	h, err := handler.New(handler.Config{
		Account: handler.Account{Atlas: &atlas.Client{BaseURL: base}, Secret: &secret.Store{Fetch: source.Fetch, Logger: logger}},
		Policy:  rules, Roles: atlastest.DefaultRoles(), NameClaim: "email", GroupsClaim: "groups", AttemptTimeout: 5 * time.Second, Logger: logger,
	})
	w.put(nil, err)
	return h
}

func (w *world) makeSecret() {
	out, err := secretsmanager.NewFromConfig(w.direct).CreateSecret(w.t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("AtlasSecret-example"), SecretString: aws.String(goodSecret)})
	w.put(out, err)
	w.secretID = *out.ARN
}

func (w *world) putSecret(value string) {
	w.t.Helper()
	w.put(secretsmanager.NewFromConfig(w.direct).PutSecretValue(w.t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &w.secretID, SecretString: &value}))
}

func (w *world) makeFunction(environment map[string]string) {
	ctx := w.t.Context()
	role, err := iam.NewFromConfig(w.direct).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("broker"), AssumeRolePolicyDocument: aws.String("{}")})
	w.put(role, err)
	var code bytes.Buffer
	archive := zip.NewWriter(&code)
	w.put(archive.Create("bootstrap"))
	w.put(nil, archive.Close())
	client := lambda.NewFromConfig(w.direct)
	w.put(client.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: &w.function, Role: role.Role.Arn, Code: &lambdatypes.FunctionCode{ZipFile: code.Bytes()}, Runtime: lambdatypes.RuntimeProvidedal2023,
		Handler: aws.String("bootstrap"), MemorySize: aws.Int32(256), Architectures: []lambdatypes.Architecture{lambdatypes.ArchitectureArm64},
		Environment: &lambdatypes.Environment{Variables: environment}, Publish: true,
	}))
	for _, alias := range []string{"api", "service"} {
		w.put(client.CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: &w.function, Name: &alias, FunctionVersion: aws.String("1")}))
	}
	w.retries(0)
}

func (w *world) retries(n int32) {
	w.put(lambda.NewFromConfig(w.direct).PutFunctionEventInvokeConfig(w.t.Context(), &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: &w.function, MaximumRetryAttempts: &n, MaximumEventAgeInSeconds: aws.Int32(60)}))
}

func (w *world) setEnvironment(name, value string) {
	environment := w.environment()
	environment[name] = value
	w.put(lambda.NewFromConfig(w.direct).UpdateFunctionConfiguration(w.t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &w.function, Environment: &lambdatypes.Environment{Variables: environment}}))
}

func (w *world) api() *apigatewayv2.Client { return apigatewayv2.NewFromConfig(w.direct) }

func (w *world) makeAPI() {
	ctx := w.t.Context()
	created, err := w.api().CreateApi(ctx, &apigatewayv2.CreateApiInput{Name: aws.String("broker"), ProtocolType: gatewaytypes.ProtocolTypeHttp,
		CorsConfiguration: &gatewaytypes.Cors{AllowOrigins: w.gateway.origins, AllowMethods: []string{"POST"}}})
	w.put(created, err)
	w.apiID = *created.ApiId
	authorizer, err := w.api().CreateAuthorizer(ctx, &apigatewayv2.CreateAuthorizerInput{ApiId: &w.apiID, Name: aws.String("operators"),
		AuthorizerType: gatewaytypes.AuthorizerTypeJwt, IdentitySource: []string{"$request.header.Authorization"},
		JwtConfiguration: &gatewaytypes.JWTConfiguration{Issuer: &w.issuer.URL, Audience: []string{"atrip-token-broker"}}})
	w.put(authorizer, err)
	w.authorizerID = *authorizer.AuthorizerId
	w.put(w.api().CreateRoute(ctx, &apigatewayv2.CreateRouteInput{ApiId: &w.apiID, RouteKey: aws.String("POST /getAtripToken.do"),
		AuthorizationType: gatewaytypes.AuthorizationTypeJwt, AuthorizerId: authorizer.AuthorizerId}))
	w.put(w.api().CreateStage(ctx, &apigatewayv2.CreateStageInput{ApiId: &w.apiID, StageName: aws.String("$default"),
		DefaultRouteSettings: &gatewaytypes.RouteSettings{ThrottlingRateLimit: aws.Float64(50), ThrottlingBurstLimit: aws.Int32(100)},
		AccessLogSettings: &gatewaytypes.AccessLogSettings{DestinationArn: aws.String("arn:aws:logs:eu-central-1:111122223333:log-group:broker-AccessLogs"),
			Format: aws.String(`{"requestId":"$context.requestId"}`)}}))
}

// changeAuthorizer replaces the authorizer's JWT configuration.
func (w *world) changeAuthorizer(issuer string, audience ...string) {
	w.t.Helper()
	w.put(w.api().UpdateAuthorizer(w.t.Context(), &apigatewayv2.UpdateAuthorizerInput{ApiId: &w.apiID, AuthorizerId: &w.authorizerID,
		JwtConfiguration: &gatewaytypes.JWTConfiguration{Issuer: &issuer, Audience: audience}}))
}

func (w *world) makeAlarm() {
	ctx := w.t.Context()
	client := sns.NewFromConfig(w.direct)
	topic, err := client.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("broker-alarms")})
	w.put(topic, err)
	w.topic = *topic.TopicArn
	w.put(client.Subscribe(ctx, &sns.SubscribeInput{TopicArn: &w.topic, Protocol: aws.String("email"), Endpoint: aws.String("ops@example.com")}))
	w.putAlarm(true, w.topic)
}

func (w *world) putAlarm(enabled bool, actions ...string) {
	w.put(cloudwatch.NewFromConfig(w.direct).PutMetricAlarm(w.t.Context(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String(alarmName), Namespace: aws.String("AtripToken"), MetricName: aws.String("AtlasRefused"), Statistic: cloudwatchtypes.StatisticSum,
		Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: cloudwatchtypes.ComparisonOperatorGreaterThanOrEqualToThreshold,
		ActionsEnabled: &enabled, AlarmActions: actions,
	}))
}

func (w *world) retain(days int32) {
	w.put(cloudwatchlogs.NewFromConfig(w.direct).PutRetentionPolicy(w.t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{
		LogGroupName: aws.String(logGroup), RetentionInDays: &days}))
}

// count puts values of the function's metrics; a name with a slash before it
// is one of Lambda's own.
func (w *world) count(values map[string]float64) {
	for name, value := range values {
		namespace, dimensions := "AtripToken", []string{"function", w.function}
		if own, ok := strings.CutPrefix(name, "Lambda/"); ok {
			name, namespace, dimensions = own, "AWS/Lambda", []string{"FunctionName", w.function}
			if name == "Errors" {
				dimensions = append(dimensions, "Resource", w.function+":api")
			}
		}
		datum := cloudwatchtypes.MetricDatum{MetricName: &name, Value: &value, Timestamp: aws.Time(time.Now().Add(-time.Minute))}
		for pair := range slices.Chunk(dimensions, 2) {
			datum.Dimensions = append(datum.Dimensions, cloudwatchtypes.Dimension{Name: &pair[0], Value: &pair[1]})
		}
		w.put(cloudwatch.NewFromConfig(w.direct).PutMetricData(w.t.Context(), &cloudwatch.PutMetricDataInput{
			Namespace: &namespace, MetricData: []cloudwatchtypes.MetricDatum{datum}}))
	}
}
