package diagnosis_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/redact"
)

func TestGateway(t *testing.T) {
	t.Parallel()
	stage := func(settings string) func(w *world) {
		return answer("apigateway $default", `{"stageName":"$default",`+settings+`}`)
	}
	iam := func(w *world) { w.stack.parameters["AuthMode"] = "IAM" }
	runRows(t, []row{
		{"routes", "of no API", without("AWS::ApiGatewayV2::Api"), "fail", "holds no HTTP API"},
		{"authorizer", "of no API", without("AWS::ApiGatewayV2::Api"), "skipped", "holds no HTTP API"},
		{"throttling", "of no API", without("AWS::ApiGatewayV2::Api"), "skipped", "holds no HTTP API"},
		{"routes", "none", answer("apigateway routes", `{"items":[]}`), "fail", "has no route"},
		{"authorizer", "missing", without("AWS::ApiGatewayV2::Authorizer"), "fail", "holds no authorizer"},
		{"authorizer", "deleted by hand", func(w *world) {
			w.put(w.api().DeleteAuthorizer(w.t.Context(), &apigatewayv2.DeleteAuthorizerInput{ApiId: &w.apiID, AuthorizerId: &w.authorizerID}))
		}, "fail", "deleted by hand"},
		{"authorizer", "of another kind", func(w *world) { answer("apigateway "+w.authorizerID, `{"authorizerType":"REQUEST"}`)(w) }, "fail", "does not verify JWTs"},
		{"issuer", "whose keys are no JSON", func(w *world) { w.issuer.keys = "<p>" }, "fail", "keys cannot be read"},
		{"routes", "open to everybody", func(w *world) {
			w.put(w.api().CreateRoute(w.t.Context(), &apigatewayv2.CreateRouteInput{ApiId: &w.apiID, RouteKey: aws.String("$default")}))
		}, "fail", "the route $default has authorization NONE, not JWT"},
		{"routes", "with another authorizer", func(w *world) {
			w.put(w.api().CreateRoute(w.t.Context(), &apigatewayv2.CreateRouteInput{ApiId: &w.apiID, RouteKey: aws.String("GET /other"),
				AuthorizationType: gatewaytypes.AuthorizationTypeJwt, AuthorizerId: aws.String("other")}))
		}, "fail", "an authorizer that is not the stack's"},
		{"routes", "of the wrong mode", iam, "fail", "has authorization JWT, not AWS_IAM"},
		{"routes", "of an API that was deleted by hand", func(w *world) {
			w.put(w.api().DeleteApi(w.t.Context(), &apigatewayv2.DeleteApiInput{ApiId: &w.apiID}))
		}, "fail", "deleted by hand"},
		{"authorizer", "without an audience", func(w *world) { w.changeAuthorizer(w.issuer.URL) }, "fail", "names no audience"},
		{"authorizer", "of the example", func(w *world) { w.changeAuthorizer("https://login.example.com", "atrip-token-broker") }, "fail", "example of samconfig.toml"},
		{"authorizer", "changed by hand", func(w *world) { w.changeAuthorizer(w.issuer.URL, "atrip-token-broker", "other") }, "fail", "changed by hand"},
		{"authorizer", "where IAM decides", iam, "skipped", "IAM decides"},
		{"issuer", "that calls itself otherwise", func(w *world) { w.issuer.name = w.issuer.URL + "/" }, "fail", "every token would be refused"},
		{"issuer", "without keys", func(w *world) { w.issuer.keys = `{"keys":[]}` }, "fail", "keys cannot be read"},
		{"issuer", "that does not answer", func(w *world) { w.issuer.Close() }, "fail", "discovery document cannot be read"},
		{"issuer", "that answers with a page", func(w *world) { w.changeAuthorizer(w.gateway.URL, "atrip-token-broker") }, "fail", "discovery document cannot be read: HTTP 401"},
		{"throttling", "not set", stage(`"defaultRouteSettings":{}`), "fail", "sets no throttling"},
		{"access-log", "with the token in it", stage(`"accessLogSettings":{"destinationArn":"arn:aws:logs:eu-central-1:111122223333:log-group:x",
			"format":"$context.requestId $request.header.authorization"}`), "fail", "holds the authorization header"},
		{"access-log", "none", stage(`"autoDeploy":true`), "fail", "writes no access log"},
		{"throttling", "of no stage", func(w *world) { w.fault("apigateway $default", http.StatusNotFound, "NotFoundException") }, "fail", "has no stage"},
	})
}

func TestDoors(t *testing.T) {
	t.Parallel()
	replies := func(status int, kind, body string) func(w *world) {
		return func(w *world) {
			w.gateway.answers = func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", kind)
				rw.WriteHeader(status)
				fmt.Fprint(rw, body)
			}
		}
	}
	preflight := func(origins ...string) func(w *world) {
		return func(w *world) {
			w.put(w.api().UpdateApi(w.t.Context(), &apigatewayv2.UpdateApiInput{ApiId: &w.apiID, CorsConfiguration: &gatewaytypes.Cors{AllowOrigins: origins}}))
		}
	}
	runRows(t, []row{
		{"no-identity", "let in", func(w *world) { w.gateway.open = true }, "fail", "passes the gateway"},
		{"no-identity", "met by something else", replies(200, "text/html", "<p>hello"), "fail", "gets HTTP 200 where 401 is due"},
		{"no-identity", "without an answer", func(w *world) { w.gateway.Close() }, "fail", "no answer from"},
		{"no-identity", "without an URL", func(w *world) { delete(w.stack.outputs, "Url") }, "fail", "no output Url"},
		{"forged-token", "let in", func(w *world) { w.gateway.open = true }, "fail", "a forged token passes the gateway"},
		{"forged-token", "where IAM decides", func(w *world) { w.stack.parameters["AuthMode"] = "IAM" }, "skipped", "IAM decides"},
		{"wrong-audience", "let in", func(w *world) { w.gateway.audience = "another-application" }, "fail", "a token for another audience passes the gateway"},
		{"wrong-audience", "without a token to try", func(w *world) { w.options.WrongToken = redact.String{} }, "skipped", "-wrong-token-file"},
		{"cors", "for every page", preflight("*"), "fail", "CORS allows *"},
		{"cors", "for a page that nobody listed", func(w *world) { w.gateway.origins = []string{"*"} }, "fail", "https://doctor.invalid is answered"},
		{"cors", "not for the page that needs it", func(w *world) { w.options.Origin = "https://other.example.com" }, "fail", "https://other.example.com is answered"},
		{"cors", "for the page that the template lists for none", preflight("https://none.invalid"), "skipped", "no page of another origin"},
		{"cors", "for no page", preflight(), "skipped", "no page of another origin"},
		{"cors", "for no page, and one needs it", func(w *world) { preflight()(w); w.options.Origin = "https://a.example.com" }, "fail", "https://a.example.com should"},
		{"end-to-end", "when nobody asks for it", func(w *world) { w.options.Call = nil }, "skipped", "only when asked"},
		{"end-to-end", "without a token", func(w *world) { w.options.Token = redact.String{} }, "blocked", "operator's token"},
		{"end-to-end", "with a token that the gateway refuses", func(w *world) { w.options.Token = redact.New("x.y.z") }, "fail", "refuses the token"},
		{"end-to-end", "in a role that the policy does not grant", func(w *world) { w.options.Call.Role = "Admin" }, "fail", "NotPermitted (HTTP 403)"},
		{"end-to-end", "with a bad order", func(w *world) { w.options.Call.OrderNo = " " }, "fail", "InvalidRequest (HTTP 400)"},
		{"end-to-end", "with credentials that Atlas refuses", func(w *world) {
			// Twice: with a right value before a wrong one, the broker goes on with that.
			w.putSecret(`{"clientId":"example-client","clientSecret":"wrong"}`)
			w.putSecret(`{"clientId":"example-client","clientSecret":"wrong too"}`)
		}, "fail", "AtlasRefused (HTTP 502)"},
		{"end-to-end", "without a secret", func(w *world) { w.putSecret(`nothing`) }, "fail", "SecretUnavailable (HTTP 503)"},
		{"end-to-end", "while Atlas fails", func(w *world) { w.atlas.Always(atlastest.SystemError()) }, "fail", "AtlasFailed (HTTP 502)"},
		{"end-to-end", "while Atlas is away", func(w *world) { w.atlas.Close() }, "fail", "AtlasUnavailable (HTTP 503)"},
		{"end-to-end", "met by something else", replies(200, "application/json", `{"hello":1}`), "fail", "without a link"},
		{"end-to-end", "met by a page", replies(404, "text/html", "<p>"), "fail", "HTTP 404, and it is not JSON"},
		{"end-to-end", "met by the gateway alone", replies(500, "application/json", `{"message":"Internal Server Error"}`), "fail", "the gateway answers HTTP 500: Internal Server Error"},
		{"end-to-end", "as an identity that may not call", replies(403, "application/json", `{"message":"Forbidden"}`), "fail", "refuses the caller"},
		{"end-to-end", "signed, where IAM decides", func(w *world) {
			w.stack.parameters["AuthMode"], w.gateway.iam, w.options.Token = "IAM", true, redact.String{}
		}, "pass", "Atlas minted a link"},
		{"no-identity", "where IAM decides", func(w *world) { w.stack.parameters["AuthMode"], w.gateway.iam = "IAM", true }, "pass", "HTTP 403"},
		{"atlas-http", "away", func(w *world) { w.atlas.Close() }, "skipped", "no HTTP answer"},
		{"atlas-http", "away, without addresses of its own", func(w *world) { w.atlas.Close(); w.noNetwork() }, "fail", "no HTTP answer"},
	})
}

func TestAlarmsAndLogs(t *testing.T) {
	t.Parallel()
	logs := func(w *world) *cloudwatchlogs.Client { return cloudwatchlogs.NewFromConfig(w.direct) }
	runRows(t, []row{
		{"log-retention", "of no group", without("AWS::Logs::LogGroup"), "fail", "holds no log group"},
		{"alarms", "none", without("AWS::CloudWatch::Alarm"), "fail", "holds no alarm"},
		{"recent-outcomes", "none", answer("GetMetricData", `<GetMetricDataResponse><GetMetricDataResult><MetricDataResults></MetricDataResults>`+
			`</GetMetricDataResult></GetMetricDataResponse>`), "skipped", "nobody has called"},
		{"recent-outcomes", "that may not be read", answer("GetMetricData", `<GetMetricDataResponse><GetMetricDataResult><MetricDataResults><member>`+
			`<Id>m0</Id><StatusCode>Forbidden</StatusCode></member></MetricDataResults></GetMetricDataResult></GetMetricDataResponse>`), "blocked", "may not call"},
		{"log-retention", "answered in another form", answer("DescribeLogGroups", `{"logGroups":[{"logGroupName":1}]}`), "blocked", "cannot read"},
		{"log-retention", "for ever", func(w *world) {
			w.put(logs(w).DeleteRetentionPolicy(w.t.Context(), &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: aws.String(logGroup)}))
		}, "fail", "for ever"},
		{"log-retention", "of a group deleted by hand", func(w *world) {
			w.put(logs(w).DeleteLogGroup(w.t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String(logGroup)}))
		}, "fail", "deleted by hand"},
		{"alarms", "deleted by hand", func(w *world) {
			w.put(cloudwatch.NewFromConfig(w.direct).DeleteAlarms(w.t.Context(), &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{alarmName}}))
		}, "fail", "deleted by hand: " + alarmName},
		{"alarms", "that tell nobody", func(w *world) { w.putAlarm(true) }, "fail", "no action"},
		{"alarms", "switched off", func(w *world) { w.putAlarm(false, w.topic) }, "fail", "switched off"},
		{"alarms", "in alarm", func(w *world) {
			w.put(cloudwatch.NewFromConfig(w.direct).SetAlarmState(w.t.Context(), &cloudwatch.SetAlarmStateInput{AlarmName: aws.String(alarmName),
				StateValue: cloudwatchtypes.StateValueAlarm, StateReason: aws.String("a drill")}))
		}, "fail", "in alarm now"},
		{"alarm-recipients", "of a topic that is not there", func(w *world) { w.confirmed = 0; w.putAlarm(true, w.topic+"-gone") }, "fail", "does not exist"},
		{"alarm-recipients", "that have not confirmed", func(w *world) { w.confirmed = 0 }, "fail", "nobody listens"},
		{"alarm-recipients", "of no topic", func(w *world) { w.putAlarm(true, "arn:aws:lambda:eu-central-1:111122223333:function:example") }, "skipped", "no alarm notifies a topic"},
		{"recent-outcomes", "with errors of Lambda's", func(w *world) { w.count(map[string]float64{"Lambda/Errors": 2}) }, "fail", "2 errors"},
		{"recent-outcomes", "with throttles", func(w *world) { w.count(map[string]float64{"Lambda/Throttles": 1}) }, "fail", "1 throttles"},
		{"recent-outcomes", "with refusals", func(w *world) { w.count(map[string]float64{"AtlasRefused": 2}) }, "fail", "2 of 3 requests of the last hour counted as AtlasRefused"},
		{"recent-outcomes", "with the secret before the last one in use", func(w *world) { w.count(map[string]float64{"SecretFallback": 1}) }, "fail", "SecretFallback"},
		{"recent-outcomes", "with no secret", func(w *world) { w.count(map[string]float64{"SecretUnavailable": 1}) }, "fail", "SecretUnavailable"},
		{"recent-outcomes", "with panics", func(w *world) { w.count(map[string]float64{"InternalErrors": 1}) }, "fail", "InternalErrors"},
	})
}
