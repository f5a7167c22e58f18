package diagnosis_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/redact"
)

func iam(w *world) { w.parameters["AuthMode"], w.gateway.iam = "IAM", true }

// accepts changes the issuer and the audiences of the stack's authorizer, by hand.
func accepts(issuer string, audiences ...string) func(w *world) {
	return func(w *world) { w.authorizer.Issuer, w.authorizer.Audience = &issuer, audiences }
}

func throttled(rate float64, burst int32) func(w *world) {
	return func(w *world) {
		w.stage.DefaultRouteSettings = &gatewaytypes.RouteSettings{ThrottlingRateLimit: &rate, ThrottlingBurstLimit: &burst}
	}
}

// calls makes the integration call the function with another qualifier, or another function.
func calls(function string) func(w *world) {
	return func(w *world) {
		w.integration.IntegrationUri = aws.String(strings.TrimSuffix(functionARN, "broker-Function") + function)
	}
}

// allow makes pages of the origins call, by hand if the parameter is another list.
func allow(origins ...string) func(w *world) {
	return func(w *world) {
		w.cors.AllowOrigins = origins
		w.parameters["CorsOrigins"] = strings.TrimPrefix(strings.Join(origins, ","), "https://none.invalid")
	}
}

var apiFaults = []fault{
	{"routes", "of no API", "fail", "has no HTTP API", without("AWS::ApiGatewayV2::Api")},
	{"authorizer", "of no API", leftOut, "", without("AWS::ApiGatewayV2::Api")},
	{"throttling", "of no API", leftOut, "", without("AWS::ApiGatewayV2::Api")},
	{"routes", "of an API that was deleted by hand", "fail", "deleted by hand", fails("GetRoutes", "NotFoundException")},
	{"routes", "none", "fail", "has no route", func(w *world) { w.routes.Items = nil }},
	{"routes", "one without authorization", "fail", "the route $default has authorization NONE, not JWT",
		func(w *world) { w.addRoute("$default", "", "") }},
	{"routes", "with another authorizer", "fail", "an authorizer that is not the stack's",
		func(w *world) { w.addRoute("GET /other", "JWT", "other") }},
	{"routes", "of the wrong mode", "fail", "has authorization JWT, not AWS_IAM", iam},
	{"routes", "without an integration", "fail", "has no integration", func(w *world) { w.integration.IntegrationId = aws.String("other") }},
	{"routes", "to another function", "fail", "calls arn:aws:lambda:eu-central-1:123456789012:function:other:api", calls("other:api")},
	{"routes", "to the function without an alias", "fail", "through the alias api", calls("broker-Function")},
	{"routes", "to the alias service", "fail", "through the alias api", calls("broker-Function:service")},
	{"routes", "to a version", "fail", "through the alias api", calls("broker-Function:1")},
	{"routes", "to the alias api in the long form", "pass", "through the alias api", calls("broker-Function:api/invocations")},
	{"routes", "with the older payload", "fail", "payload format 1.0",
		func(w *world) { w.integration.PayloadFormatVersion = aws.String("1.0") }},
	{"settings", "other scopes", "fail", "the scopes of POST /getAtripToken.do", parameter("JwtScopes", "open-portal")},

	{"authorizer", "missing", "fail", "has no authorizer", without("AWS::ApiGatewayV2::Authorizer")},
	{"authorizer", "deleted by hand", "fail", "deleted by hand", fails("GetAuthorizer", "NotFoundException")},
	{"authorizer", "of another kind", "fail", "does not verify JWTs",
		func(w *world) { w.answers["GetAuthorizer"] = &apigatewayv2.GetAuthorizerOutput{} }},
	{"authorizer", "without an audience", "fail", "names no audience", func(w *world) { w.authorizer.Audience = nil }},
	{"authorizer", "with the example's issuer", "fail", "example of samconfig.toml", accepts("https://login.example.com", audience)},
	{"authorizer", "where IAM decides", "skipped", "IAM decides", iam},
	{"settings", "one more audience", "fail", `the audience is "atrip-token-broker,other"`,
		func(w *world) { w.authorizer.Audience = []string{audience, "other"} }},
	{"settings", "another issuer", "fail", "the issuer is", parameter("JwtIssuer", "https://login.example.org")},
	{"settings", "a list in another order, with spaces", "pass", "", func(w *world) {
		w.authorizer.Audience, w.parameters["JwtAudience"] = []string{audience, "second"}, "second, "+audience
	}},
	{"issuer", "with another name", "fail", "every token would be refused", func(w *world) { w.issuer.name = w.issuer.URL + "/" }},
	{"issuer", "whose name ends with a slash", "pass", "publishes 1 key(s)",
		func(w *world) { w.issuer.name += "/"; w.authorizer.Issuer = &w.issuer.name }},
	{"issuer", "without keys", "fail", "keys cannot be read", func(w *world) { w.issuer.keys = `{"keys":[]}` }},
	{"issuer", "whose keys are no JSON", "fail", "keys cannot be read", func(w *world) { w.issuer.keys = "<p>" }},
	{"issuer", "that does not answer", "fail", "discovery document cannot be read", accepts(unreachable, audience)},
	{"issuer", "that answers with HTTP 401", "fail", "discovery document cannot be read: HTTP 401",
		func(w *world) { w.authorizer.Issuer = &w.gateway.URL }},

	{"throttling", "of no stage", "fail", "has no stage", fails("GetStage", "NotFoundException")},
	{"throttling", "not set", "fail", "sets no throttling", func(w *world) { w.stage.DefaultRouteSettings = nil }},
	{"throttling", "without a burst", "fail", "sets no throttling",
		func(w *world) { w.stage.DefaultRouteSettings.ThrottlingBurstLimit = nil }},
	{"throttling", "of 0, the emergency stop", "fail", "refuses every call", throttled(0, 0)},
	{"throttling", "with a burst of 0", "fail", "refuses every call", throttled(50, 0)},
	{"throttling", "of the route alone", "fail", "throttling of its own", func(w *world) {
		w.stage.RouteSettings = map[string]gatewaytypes.RouteSettings{"POST /getAtripToken.do": {ThrottlingRateLimit: aws.Float64(0)}}
	}},
	{"settings", "another rate", "fail", `the rate is "5000"`, throttled(5000, 100)},
	{"settings", "another burst", "fail", `the burst is "5000"`, throttled(50, 5000)},
	{"access-log", "none", "fail", "writes no access log", func(w *world) { w.stage.AccessLogSettings = nil }},
	{"access-log", "with the token", "fail", "contains the authorization header",
		func(w *world) {
			w.stage.AccessLogSettings.Format = aws.String("$context.requestId $request.header.authorization")
		}},
	{"access-log", "of no stage", leftOut, "", fails("GetStage", "NotFoundException")},

	{"cors", "for every page", "fail", "CORS allows *", allow("*")},
	{"cors", "for a page that is not listed", "fail", "https://doctor.invalid is answered",
		func(w *world) { w.gateway.origins = []string{"*"} }},
	{"cors", "not for the page that needs it", "fail", "https://backoffice.example.com is answered",
		func(w *world) { w.gateway.origins = nil }},
	{"cors", "without an answer", "fail", "no answer to a preflight", func(w *world) { w.outputs["Url"] = unreachable }},
	{"cors", "with the template's placeholder", "skipped", "no page of another origin", allow("https://none.invalid")},
	{"cors", "for no page", "skipped", "no page of another origin", allow()},
	{"settings", "another list of origins", "fail", "the list of origins is", parameter("CorsOrigins", "https://other.example.com")},
}

// replies makes another server answer in place of the gateway.
func replies(status int, kind, body string) func(w *world) {
	return func(w *world) {
		w.gateway.answers = func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", kind)
			rw.WriteHeader(status)
			fmt.Fprint(rw, body)
		}
	}
}

// before has no stack yet, and Atlas at the base URL.
func before(base string) func(w *world) {
	return func(w *world) {
		var err error
		w.options.AtlasBaseURL, err = url.Parse(base)
		w.must(err)
		w.options.Stack = ""
	}
}

// secure is an Atlas with a certificate that is trusted, seen when the certificate has so much time left.
func secure(left time.Duration) func(w *world) {
	return func(w *world) {
		server := atlastest.NewServer(&atlastest.Options{TLS: true})
		w.t.Cleanup(server.Close)
		before(server.URL)(w)
		transport := server.Client().Transport.(*http.Transport).Clone()
		now := func() time.Time { return server.Certificate().NotAfter.Add(-left) }
		transport.TLSClientConfig.Time, w.options.Now, w.options.HTTP.Transport = now, now, transport
	}
}

var callFaults = []fault{
	{"refusals", "a request with no identity", "fail", "API, with no identity: passes the gateway", func(w *world) { w.gateway.open = true }},
	{"refusals", "where IAM decides", "pass", "HTTP 403", iam},
	{"refusals", "answered by another server", "fail", "passes the gateway (HTTP 200 text/html)", replies(200, "text/html", "<p>hello")},
	{"refusals", "without an answer", "fail", "the API cannot be reached", func(w *world) { w.outputs["Url"] = unreachable }},
	{"refusals", "a forged token", "fail", "an unsigned token: passes the gateway", func(w *world) { w.gateway.anyToken = true }},
	{"refusals", "a token for another audience", "fail", "a token for another audience: passes the gateway",
		func(w *world) { w.gateway.audience = "another-application" }},
	{"refusals", "without a token to try", "pass", "a token whose signature is forged: HTTP 401",
		func(w *world) { w.options.WrongToken = redact.String{} }},

	{"end-to-end", "not asked for", "skipped", "only when asked", func(w *world) { w.options.Call = nil }},
	{"end-to-end", "without a token", "blocked", "operator's token", func(w *world) { w.options.Token = redact.String{} }},
	{"end-to-end", "with a token that the gateway refuses", "fail", "refuses the token",
		func(w *world) { w.options.Token = redact.New("x.y.z") }},
	{"end-to-end", "in a role that the policy does not grant", "fail", "NotPermitted (HTTP 403)",
		func(w *world) { w.options.Call.Role = "Admin" }},
	{"end-to-end", "with a bad order", "fail", "InvalidRequest (HTTP 400)", func(w *world) { w.options.Call.OrderNo = " " }},
	{"end-to-end", "with credentials that Atlas refuses", "fail", "AtlasRefused (HTTP 502)", func(w *world) { w.putSecret(wrongSecret) }},
	{"end-to-end", "without a secret", "fail", "SecretUnavailable (HTTP 503)", func(w *world) { w.putSecret("nothing") }},
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
	{"end-to-end", "signed, where IAM decides", "pass", "Atlas minted a link", func(w *world) { iam(w); w.options.Token = redact.String{} }},

	{"atlas", "down", "skipped", "no HTTP answer", set("ATLAS_BASE_URL", unreachable)},
	{"atlas", "down, for a function without a network", "fail", "no HTTP answer",
		func(w *world) { set("ATLAS_BASE_URL", unreachable)(w); noNetwork(w) }},
	{"atlas", "at a name that does not exist", "fail", "atlas.invalid cannot be resolved", before("https://atlas.invalid")},
	{"atlas", "without a server", "fail", "connection refused", before(unreachable)},
	{"atlas", "with a certificate that is trusted", "pass", "answers over HTTP/2.0, TLS 1.3, certificate until", secure(30 * 24 * time.Hour)},
	{"atlas", "with a certificate that expires soon", "fail", "certificate expires on", secure(time.Hour)},
	{"atlas", "with a certificate that has expired", "fail", "not valid now, only from", secure(-time.Hour)},
	{"atlas", "with a certificate that is not trusted", "fail", "certificate",
		func(w *world) { secure(time.Hour)(w); w.options.HTTP.Transport = &http.Transport{} }},
	{"atlas", "without TLS", "fail", "no HTTP answer",
		func(w *world) { before("https" + strings.TrimPrefix(w.atlas.URL, "http"))(w) }},
	{"atlas", "that redirects, which is not followed", "pass", "answers over HTTP/1.1", func(w *world) {
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				w.t.Error("the redirect was followed")
			}
			http.Redirect(rw, r, "/elsewhere", http.StatusFound)
		}))
		w.t.Cleanup(server.Close)
		before(server.URL)(w)
	}},
}

// counted makes CloudWatch return sums: a name and a value, in turn.
func counted(sums string) func(w *world) { return func(w *world) { w.counted(sums) } }

// composite gives the stack a composite alarm of the alarm named, with the actions, and takes away the alarm's own.
func composite(of string, actions ...string) func(w *world) {
	return func(w *world) {
		w.addResource("PageAlarm", "AWS::CloudWatch::CompositeAlarm", "broker-Page")
		w.alarm.AlarmActions = nil
		w.alarms.CompositeAlarms = []cloudwatchtypes.CompositeAlarm{{AlarmName: aws.String("broker-Page"), ActionsEnabled: aws.Bool(true),
			AlarmRule: aws.String(`ALARM("arn:aws:cloudwatch:eu-central-1:123456789012:alarm:` + of + `") OR ALARM(x)`), AlarmActions: actions}}
	}
}

var alarmFaults = []fault{
	{"log-retention", "of no group", "fail", "has no log group", without("AWS::Logs::LogGroup")},
	{"log-retention", "for ever", "fail", "for ever", func(w *world) { w.logGroup.RetentionInDays = nil }},
	{"log-retention", "of a group deleted by hand", "fail", "deleted by hand",
		func(w *world) { w.logGroup.LogGroupName = aws.String("other") }},
	{"log-retention", "answered in another form", "blocked", "in an unknown form",
		func(w *world) {
			w.answers["DescribeLogGroups"] = &smithy.DeserializationError{Err: fmt.Errorf("expected a string")}
		}},
	{"settings", "another retention", "fail", `the retention of broker-FunctionLogs is "30", the parameter LogRetentionDays says "90"`,
		func(w *world) { w.logGroup.RetentionInDays = aws.Int32(30) }},

	{"alarms", "none", "fail", "has no alarm", without("AWS::CloudWatch::Alarm")},
	{"alarms", "deleted by hand", "fail", "deleted by hand: " + alarmName, func(w *world) { w.alarms.MetricAlarms = nil }},
	{"alarms", "without an action", "fail", "no action", func(w *world) { w.alarm.AlarmActions = nil }},
	{"alarms", "without an action, in a composite alarm that has one", "pass", "2 alarms", composite(alarmName, topicARN)},
	{"alarms", "without an action, in a composite alarm without one", "fail", alarmName + ", broker-Page", composite(alarmName)},
	{"alarms", "without an action, in no composite alarm", "fail", "no action, so that they notify no one: " + alarmName,
		composite(alarmName+"-other", topicARN)},
	{"alarms", "switched off", "fail", "switched off", func(w *world) { w.alarm.ActionsEnabled = aws.Bool(false) }},
	{"alarms", "in alarm", "fail", "in alarm now", func(w *world) { w.alarm.StateValue = cloudwatchtypes.StateValueAlarm }},
	{"alarm-recipients", "of a topic that is not there", "fail", "does not exist", fails("GetTopicAttributes", "NotFound")},
	{"alarm-recipients", "named twice", "pass", "1 topic(s)", func(w *world) { w.alarm.AlarmActions = []string{topicARN, topicARN} }},
	{"alarm-recipients", "without a number", "fail", "no confirmed subscription", func(w *world) { w.confirmed("") }},
	{"alarm-recipients", "that have not confirmed", "fail", "no confirmed subscription", func(w *world) { w.confirmed("0") }},
	{"alarm-recipients", "of no topic", "skipped", "no alarm notifies a topic",
		func(w *world) { w.alarm.AlarmActions = []string{functionARN} }},

	{"recent-outcomes", "none", "skipped", "no request", counted("")},
	{"recent-outcomes", "that may not be read", "blocked", "may not call", func(w *world) {
		w.answers["GetMetricData"] = &cloudwatch.GetMetricDataOutput{
			MetricDataResults: []cloudwatchtypes.MetricDataResult{{StatusCode: cloudwatchtypes.StatusCodeForbidden}}}
	}},
	{"recent-outcomes", "all refused by API Gateway", "fail", "passed none of 60 requests of the last hour on: it answered 60",
		counted("Count 60 4xx 60")},
	{"recent-outcomes", "all failed by API Gateway", "fail", "it answered 0 with 4xx and 2 with 5xx", counted("Count 2 5xx 2")},
	{"recent-outcomes", "refused by API Gateway, as doctor's own are", "skipped", "apart from those of", counted("Count 27 4xx 27")},
	{"recent-outcomes", "of the probe alone", "skipped", "apart from those of the probe",
		counted("Requests 25 NotPermitted 25 ProbeRun 12 ProbeRefused 60 Count 110 4xx 110")},
	{"recent-outcomes", "without a link, next to the probe's", "fail", "none of the 9 requests", func(w *world) {
		w.parameters["ProbeOrderNo"] = goodOrder
		w.counted("ProbeRun 12 ProbeRefused 60 Count 60 Requests 48 Succeeded 12 NotPermitted 36")
	}},
	{"recent-outcomes", "without a link, but for the probe's call as an operator", "skipped", "no request", func(w *world) {
		w.parameters["ProbeClientSecretArn"] = "arn:example"
		w.counted("ProbeRun 12 ProbeRefused 72 Count 122 4xx 122 Requests 36 InvalidRequest 12")
	}},
	{"recent-outcomes", "without a link", "fail", "none of the 3 requests", counted("Requests 3 NotPermitted 3")},
	{"recent-outcomes", "with function errors", "fail", "2 of 3 requests of the last hour counted as Errors", counted("Requests 3 Errors 2")},
	{"recent-outcomes", "with throttles", "fail", "counted as Throttles", counted("Requests 3 Throttles 1")},
	{"recent-outcomes", "with refusals", "fail", "2 of 3 requests of the last hour counted as AtlasRefused",
		counted("Requests 3 AtlasRefused 2")},
	{"recent-outcomes", "with the previous secret in use", "fail", "SecretFallback", counted("Requests 3 SecretFallback 1")},
	{"recent-outcomes", "with no secret", "fail", "SecretUnavailable", counted("Requests 3 SecretUnavailable 1")},
	{"recent-outcomes", "while Atlas cannot be reached", "fail", "AtlasUnavailable", counted("Requests 3 AtlasUnavailable 1")},
	{"recent-outcomes", "with panics", "fail", "InternalErrors", counted("Requests 3 InternalErrors 1")},
}
