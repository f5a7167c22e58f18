package diagnosis_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
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

func TestRun_Gateway(t *testing.T) {
	t.Parallel()
	stage := func(settings string) func(w *world) {
		return answer("apigateway $default", `{"stageName":"$default",`+settings+`}`)
	}
	iam := func(w *world) { w.stack.parameters["AuthMode"] = "IAM" }
	integrate := func(qualifier, payload string) func(w *world) {
		return func(w *world) {
			uri := "arn:aws:lambda:eu-central-1:123456789012:function:" + qualifier
			w.must(w.api().UpdateIntegration(w.t.Context(), &apigatewayv2.UpdateIntegrationInput{ApiId: &w.apiID,
				IntegrationId: &w.integrationID, IntegrationUri: &uri, PayloadFormatVersion: &payload}))
		}
	}
	runRows(t, []row{
		{"routes", "of no API", "fail", "has no HTTP API", without("AWS::ApiGatewayV2::Api")},
		{"authorizer", "of no API", "skipped", "has no HTTP API", without("AWS::ApiGatewayV2::Api")},
		{"throttling", "of no API", "skipped", "has no HTTP API", without("AWS::ApiGatewayV2::Api")},
		{"routes", "none", "fail", "has no route", answer("apigateway routes", `{"items":[]}`)},
		{"authorizer", "missing", "fail", "has no authorizer", without("AWS::ApiGatewayV2::Authorizer")},
		{"authorizer", "deleted by hand", "fail", "deleted by hand",
			func(w *world) {
				w.must(w.api().DeleteAuthorizer(w.t.Context(), &apigatewayv2.DeleteAuthorizerInput{ApiId: &w.apiID, AuthorizerId: &w.authorizerID}))
			}},
		{"authorizer", "of another kind", "fail", "does not verify JWTs",
			func(w *world) { answer("apigateway "+w.authorizerID, `{"authorizerType":"REQUEST"}`)(w) }},
		{"issuer", "whose keys are no JSON", "fail", "keys cannot be read", func(w *world) { w.issuer.keys = "<p>" }},
		{"routes", "one without authorization", "fail", "the route $default has authorization NONE, not JWT",
			func(w *world) { w.createRoute("$default", "") }},
		{"routes", "with another authorizer", "fail", "an authorizer that is not the stack's",
			func(w *world) { w.createRoute("GET /other", "other") }},
		{"routes", "of the wrong mode", "fail", "has authorization JWT, not AWS_IAM", iam},
		{"routes", "of an API that was deleted by hand", "fail", "deleted by hand",
			func(w *world) {
				w.must(w.api().DeleteApi(w.t.Context(), &apigatewayv2.DeleteApiInput{ApiId: &w.apiID}))
			}},
		{"authorizer", "without an audience", "fail", "names no audience", func(w *world) { w.changeAuthorizer(w.issuer.URL) }},
		{"authorizer", "with the example's issuer", "fail", "example of samconfig.toml",
			func(w *world) { w.changeAuthorizer("https://login.example.com", audience) }},
		{"authorizer", "changed by hand", "fail", "changed by hand",
			func(w *world) { w.changeAuthorizer(w.issuer.URL, audience, "other") }},
		{"authorizer", "where IAM decides", "skipped", "IAM decides", iam},
		{"issuer", "with another name", "fail", "every token would be refused",
			func(w *world) { w.issuer.name = w.issuer.URL + "/" }},
		{"issuer", "whose name ends with a slash", "pass", "publishes 1 key(s)",
			func(w *world) { w.issuer.name += "/"; w.changeAuthorizer(w.issuer.name, audience) }},
		{"issuer", "without keys", "fail", "keys cannot be read", func(w *world) { w.issuer.keys = `{"keys":[]}` }},
		{"issuer", "that does not answer", "fail", "discovery document cannot be read",
			func(w *world) { w.changeAuthorizer(unreachable, audience) }},
		{"issuer", "that answers with HTTP 401", "fail", "discovery document cannot be read: HTTP 401",
			func(w *world) { w.changeAuthorizer(w.gateway.URL, audience) }},
		{"authorizer", "with another issuer", "fail", "changed by hand: the issuer is", parameter("JwtIssuer", "https://login.example.org")},
		{"authorizer", "whose list is in another order, with spaces", "pass", "audience atrip-token-broker, second",
			func(w *world) {
				w.changeAuthorizer(w.issuer.URL, audience, "second")
				parameter("JwtAudience", "second, "+audience)(w)
			}},
		{"routes", "with other scopes", "fail", "changed by hand: its scopes", parameter("JwtScopes", "open-portal")},
		{"routes", "to another function", "fail", "calls arn:aws:lambda:eu-central-1:123456789012:function:other:api",
			integrate("other:api", "2.0")},
		{"routes", "to the function without an alias", "fail", "through the alias api", integrate("broker-Function", "2.0")},
		{"routes", "to the alias service", "fail", "through the alias api", integrate("broker-Function:service", "2.0")},
		{"routes", "to a version", "fail", "through the alias api", integrate("broker-Function:1", "2.0")},
		{"routes", "to the alias api in the long form", "pass", "through the alias api",
			integrate("broker-Function:api/invocations", "2.0")},
		{"routes", "with the older payload", "fail", "payload format 1.0", integrate("broker-Function:api", "1.0")},
		{"routes", "without an integration", "fail", "has no integration",
			func(w *world) {
				w.must(w.api().DeleteIntegration(w.t.Context(), &apigatewayv2.DeleteIntegrationInput{
					ApiId: &w.apiID, IntegrationId: &w.integrationID}))
			}},
		{"throttling", "without a burst", "fail", "sets no throttling", stage(`"defaultRouteSettings":{"throttlingRateLimit":50}`)},
		{"throttling", "of 0, the emergency stop", "fail", "refuses every call",
			stage(`"defaultRouteSettings":{"throttlingRateLimit":0,"throttlingBurstLimit":0}`)},
		{"throttling", "with a burst of 0", "fail", "refuses every call",
			stage(`"defaultRouteSettings":{"throttlingRateLimit":50,"throttlingBurstLimit":0}`)},
		{"throttling", "with another rate", "fail", `the rate is "5000"`,
			stage(`"defaultRouteSettings":{"throttlingRateLimit":5000,"throttlingBurstLimit":100}`)},
		{"throttling", "with another burst", "fail", `the burst is "5000"`,
			stage(`"defaultRouteSettings":{"throttlingRateLimit":50,"throttlingBurstLimit":5000}`)},
		{"throttling", "of the route alone", "fail", "throttling of its own",
			stage(`"defaultRouteSettings":{"throttlingRateLimit":50,"throttlingBurstLimit":100},
				"routeSettings":{"POST /getAtripToken.do":{"throttlingRateLimit":0}}`)},
		{"throttling", "not set", "fail", "sets no throttling", stage(`"defaultRouteSettings":{}`)},
		{"access-log", "with the token", "fail", "contains the authorization header",
			stage(`"accessLogSettings":{"destinationArn":"arn:aws:logs:eu-central-1:111122223333:log-group:x",
			"format":"$context.requestId $request.header.authorization"}`)},
		{"access-log", "none", "fail", "writes no access log", stage(`"autoDeploy":true`)},
		{"throttling", "of no stage", "fail", "has no stage",
			func(w *world) { w.fault("apigateway $default", http.StatusNotFound, "NotFoundException") }},
	})
}

func TestRun_Access(t *testing.T) {
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
			cors := &gatewaytypes.Cors{AllowOrigins: origins}
			w.stack.parameters["CorsOrigins"] = strings.TrimPrefix(strings.Join(origins, ","), "https://none.invalid")
			w.must(w.api().UpdateApi(w.t.Context(), &apigatewayv2.UpdateApiInput{ApiId: &w.apiID, CorsConfiguration: cors}))
		}
	}
	runRows(t, []row{
		{"no-identity", "let in", "fail", "passes the gateway", func(w *world) { w.gateway.open = true }},
		{"no-identity", "answered by another server", "fail", "passes the gateway (HTTP 200 text/html)", replies(200, "text/html", "<p>hello")},
		{"no-identity", "without an answer", "fail", "the API cannot be reached", func(w *world) { w.stack.outputs["Url"] = unreachable }},
		{"stack", "without an URL", "fail", "no output Url", func(w *world) { delete(w.stack.outputs, "Url") }},
		{"forged-token", "let in", "fail", "an unsigned token: passes the gateway", func(w *world) { w.gateway.open = true }},
		{"forged-token", "where IAM decides", "skipped", "IAM decides", func(w *world) { w.stack.parameters["AuthMode"] = "IAM" }},
		{"wrong-audience", "let in", "fail", "a token for another audience: passes the gateway",
			func(w *world) { w.gateway.audience = "another-application" }},
		{"wrong-audience", "without a token to try", "skipped", "-wrong-token-file", func(w *world) { w.options.WrongToken = redact.String{} }},
		{"cors", "for every page", "fail", "CORS allows *", preflight("*")},
		{"cors", "for a page that is not listed", "fail", "https://doctor.invalid is answered",
			func(w *world) { w.gateway.origins = []string{"*"} }},
		{"cors", "not for the page that needs it", "fail", "https://other.example.com is answered",
			func(w *world) { w.options.Origin = "https://other.example.com" }},
		{"cors", "with the template's placeholder", "skipped", "no page of another origin", preflight("https://none.invalid")},
		{"cors", "changed by hand", "fail", "CORS was changed by hand",
			func(w *world) { w.stack.parameters["CorsOrigins"] = "https://other.example.com" }},
		{"cors", "for no page", "skipped", "no page of another origin", preflight()},
		{"cors", "for no page, and one needs it", "fail", "https://a.example.com should",
			func(w *world) { preflight()(w); w.options.Origin = "https://a.example.com" }},
		{"end-to-end", "not asked for", "skipped", "only when asked", func(w *world) { w.options.Call = nil }},
		{"end-to-end", "without a token", "blocked", "operator's token", func(w *world) { w.options.Token = redact.String{} }},
		{"end-to-end", "with a token that the gateway refuses", "fail", "refuses the token",
			func(w *world) { w.options.Token = redact.New("x.y.z") }},
		{"end-to-end", "in a role that the policy does not grant", "fail", "NotPermitted (HTTP 403)",
			func(w *world) { w.options.Call.Role = "Admin" }},
		{"end-to-end", "with a bad order", "fail", "InvalidRequest (HTTP 400)", func(w *world) { w.options.Call.OrderNo = " " }},
		{"end-to-end", "with credentials that Atlas refuses", "fail", "AtlasRefused (HTTP 502)",
			func(w *world) {
				// Twice: with a right value before a wrong one, the broker goes on with that.
				w.putSecret(`{"clientId":"example-client","clientSecret":"wrong"}`)
				w.putSecret(`{"clientId":"example-client","clientSecret":"wrong too"}`)
			}},
		{"end-to-end", "without a secret", "fail", "SecretUnavailable (HTTP 503)", func(w *world) { w.putSecret(`nothing`) }},
		{"end-to-end", "while Atlas fails", "fail", "AtlasFailed (HTTP 502)", func(w *world) { w.atlas.Always(atlastest.SystemError()) }},
		{"end-to-end", "while Atlas is down", "fail", "AtlasUnavailable (HTTP 503)",
			func(w *world) { w.gateway.handler = w.broker(unreachable) }},
		{"end-to-end", "answered by another server", "fail", "without a link", replies(200, "application/json", `{"hello":1}`)},
		{"end-to-end", "with a link without a host", "fail", "without a link", replies(200, "application/json", `{"url":"/","status":0}`)},
		{"end-to-end", "with another status", "fail", "without a link",
			replies(200, "application/json", `{"url":"https://atriptech.com/?token=1","status":2}`)},
		{"end-to-end", "with a link to a foreign host", "fail", "the link leads to https://portal.example.net",
			replies(200, "application/json", `{"url":"https://portal.example.net/?token=1","status":0}`)},
		{"end-to-end", "with a link over http", "fail", "the link leads to http://atriptech.com",
			replies(200, "application/json", `{"url":"http://atriptech.com/?token=1","status":0}`)},
		{"end-to-end", "throttled", "fail", "the gateway answers HTTP 429", replies(429, "application/json", `{"message":"Too Many Requests"}`)},
		{"end-to-end", "answered by a page", "fail", "HTTP 404, and it is not JSON", replies(404, "text/html", "<p>")},
		{"end-to-end", "failed by the gateway", "fail", "the gateway answers HTTP 500: Internal Server Error",
			replies(500, "application/json", `{"message":"Internal Server Error"}`)},
		{"end-to-end", "as an identity that may not call", "fail", "refuses the caller",
			replies(403, "application/json", `{"message":"Forbidden"}`)},
		{"end-to-end", "signed, where IAM decides", "pass", "Atlas minted a link",
			func(w *world) {
				w.stack.parameters["AuthMode"], w.gateway.iam, w.options.Token = "IAM", true, redact.String{}
			}},
		{"no-identity", "where IAM decides", "pass", "HTTP 403",
			func(w *world) { w.stack.parameters["AuthMode"], w.gateway.iam = "IAM", true }},
		{"atlas", "down", "skipped", "no HTTP answer", set("ATLAS_BASE_URL", unreachable)},
		{"atlas", "down, for a function without a network", "fail", "no HTTP answer",
			func(w *world) { set("ATLAS_BASE_URL", unreachable)(w); w.noNetwork() }},
	})
}

func TestRun_Alarms(t *testing.T) {
	t.Parallel()
	logs := func(w *world) *cloudwatchlogs.Client { return cloudwatchlogs.NewFromConfig(w.direct) }
	runRows(t, []row{
		{"log-retention", "of no group", "fail", "has no log group", without("AWS::Logs::LogGroup")},
		{"alarms", "none", "fail", "has no alarm", without("AWS::CloudWatch::Alarm")},
		{"recent-outcomes", "none", "skipped", "no request", counted("")},
		{"recent-outcomes", "that may not be read", "blocked", "may not call",
			answer("GetMetricData", `<GetMetricDataResponse><GetMetricDataResult><MetricDataResults><member>`+
				`<Id>m0</Id><StatusCode>Forbidden</StatusCode></member></MetricDataResults></GetMetricDataResult></GetMetricDataResponse>`)},
		{"recent-outcomes", "all refused by API Gateway", "fail", "passed none of 60 requests of the last hour on: it answered 60",
			func(w *world) {
				w.count(map[string]float64{"Requests": -3, "Succeeded": -3, "ApiGateway/Count": 60, "ApiGateway/4xx": 60})
			}},
		{"recent-outcomes", "all failed by API Gateway", "fail", "it answered 0 with 4xx and 2 with 5xx", counted("Count 2 5xx 2")},
		{"recent-outcomes", "refused by API Gateway, as doctor's own are", "skipped", "apart from those of", counted("Count 27 4xx 27")},
		{"recent-outcomes", "of the probe alone", "skipped", "apart from those of the probe", func(w *world) {
			w.count(map[string]float64{"Requests": 22, "Succeeded": -3, "NotPermitted": 25,
				"Probe/ProbeRun": 12, "Probe/ProbeRefused": 60, "ApiGateway/Count": 110, "ApiGateway/4xx": 110})
		}},
		{"recent-outcomes", "without a link, next to the probe's", "fail", "none of the 9 requests", func(w *world) {
			parameter("ProbeOrderNo", goodOrder)(w)
			counted("ProbeRun 12 ProbeRefused 60 Count 60 Requests 48 Succeeded 12 NotPermitted 36")(w)
		}},
		{"recent-outcomes", "without a link, but for the probe's call as an operator", "skipped", "no request", func(w *world) {
			parameter("ProbeClientSecretArn", "arn:example")(w)
			counted("ProbeRun 12 ProbeRefused 72 Count 122 4xx 122 Requests 36 InvalidRequest 12")(w)
		}},
		{"recent-outcomes", "without a link", "fail", "none of the 3 requests", counted("Requests 3 NotPermitted 3")},
		{"log-retention", "answered in another form", "blocked", "in an unknown form",
			answer("DescribeLogGroups", `{"logGroups":[{"logGroupName":1}]}`)},
		{"log-retention", "for ever", "fail", "for ever",
			func(w *world) {
				w.must(logs(w).DeleteRetentionPolicy(w.t.Context(), &cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: aws.String(logGroup)}))
			}},
		{"log-retention", "changed by hand", "fail", `its retention is "90", the parameter LogRetentionDays says "30"`,
			func(w *world) { w.stack.parameters["LogRetentionDays"] = "30" }},
		{"log-retention", "of a group deleted by hand", "fail", "deleted by hand",
			func(w *world) {
				w.must(logs(w).DeleteLogGroup(w.t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String(logGroup)}))
			}},
		{"alarms", "deleted by hand", "fail", "deleted by hand: " + alarmName,
			func(w *world) {
				w.must(w.metrics().DeleteAlarms(w.t.Context(), &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{alarmName}}))
			}},
		{"alarms", "without an action", "fail", "no action", func(w *world) { w.putAlarm(true) }},
		{"alarms", "without an action, in a composite alarm that has one", "pass", "2 alarms", composite(alarmName, true)},
		{"alarms", "without an action, in a composite alarm without one", "fail", alarmName + ", broker-Page", composite(alarmName, false)},
		{"alarms", "without an action, in no composite alarm", "fail", "no action, so that they notify no one: " + alarmName,
			composite(alarmName+"-other", true)},
		{"alarms", "switched off", "fail", "switched off", func(w *world) { w.putAlarm(false, w.topic) }},
		{"alarms", "in alarm", "fail", "in alarm now",
			func(w *world) {
				w.must(w.metrics().SetAlarmState(w.t.Context(), &cloudwatch.SetAlarmStateInput{AlarmName: aws.String(alarmName),
					StateValue: cloudwatchtypes.StateValueAlarm, StateReason: aws.String("a drill")}))
			}},
		{"alarm-recipients", "of a topic that is not there", "fail", "does not exist",
			func(w *world) { w.confirmed = 0; w.putAlarm(true, w.topic+"-gone") }},
		{"alarm-recipients", "named twice", "pass", "1 topic(s)", func(w *world) { w.putAlarm(true, w.topic, w.topic) }},
		{"alarm-recipients", "without a number", "fail", "no confirmed subscription", answer("GetTopicAttributes",
			`<GetTopicAttributesResponse><GetTopicAttributesResult><Attributes/></GetTopicAttributesResult></GetTopicAttributesResponse>`)},
		{"alarm-recipients", "that have not confirmed", "fail", "no confirmed subscription", func(w *world) { w.confirmed = 0 }},
		{"alarm-recipients", "of no topic", "skipped", "no alarm notifies a topic",
			func(w *world) { w.putAlarm(true, "arn:aws:lambda:eu-central-1:111122223333:function:example") }},
		{"recent-outcomes", "with function errors", "fail", "2 of 3 requests of the last hour counted as Errors",
			func(w *world) { w.count(map[string]float64{"Lambda/Errors": 2}) }},
		{"recent-outcomes", "with throttles", "fail", "counted as Throttles",
			func(w *world) { w.count(map[string]float64{"Lambda/Throttles": 1}) }},
		{"recent-outcomes", "with refusals", "fail", "2 of 3 requests of the last hour counted as AtlasRefused",
			func(w *world) { w.count(map[string]float64{"AtlasRefused": 2}) }},
		{"recent-outcomes", "with the previous secret in use", "fail", "SecretFallback",
			func(w *world) { w.count(map[string]float64{"SecretFallback": 1}) }},
		{"recent-outcomes", "with no secret", "fail", "SecretUnavailable",
			func(w *world) { w.count(map[string]float64{"SecretUnavailable": 1}) }},
		{"recent-outcomes", "with panics", "fail", "InternalErrors", func(w *world) { w.count(map[string]float64{"InternalErrors": 1}) }},
	})
}

// counted makes CloudWatch return sums: a name and a value, in turn.
func counted(sums string) func(w *world) {
	var members strings.Builder
	for pair := range slices.Chunk(strings.Fields(sums), 2) {
		fmt.Fprintf(&members, "<member><Label>%s</Label><StatusCode>Complete</StatusCode><Values><member>%s</member></Values></member>",
			pair[0], pair[1])
	}
	return answer("GetMetricData", "<GetMetricDataResponse><GetMetricDataResult><MetricDataResults>"+members.String()+
		"</MetricDataResults></GetMetricDataResult></GetMetricDataResponse>")
}

// composite makes CloudWatch describe the alarm without an action, and a composite alarm of the one named, with an action or
// without. moto makes no composite alarms.
func composite(of string, action bool) func(w *world) {
	return func(w *world) {
		w.stack.resources = append(w.stack.resources, physical{"PageAlarm", "AWS::CloudWatch::CompositeAlarm", "broker-Page"})
		actions := ""
		if action {
			actions = "<AlarmActions><member>" + w.topic + "</member></AlarmActions>"
		}
		answer("DescribeAlarms", "<DescribeAlarmsResponse><DescribeAlarmsResult><MetricAlarms><member><AlarmName>"+alarmName+
			"</AlarmName><ActionsEnabled>true</ActionsEnabled></member></MetricAlarms><CompositeAlarms><member><AlarmName>broker-Page</AlarmName>"+
			`<AlarmRule>ALARM("arn:aws:cloudwatch:eu-central-1:123456789012:alarm:`+of+`") OR ALARM(x)</AlarmRule>`+actions+
			"<ActionsEnabled>true</ActionsEnabled></member></CompositeAlarms></DescribeAlarmsResult></DescribeAlarmsResponse>")(w)
	}
}
