package diagnosis_test

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

func TestRun_Policy(t *testing.T) {
	t.Parallel()
	layer := func(name, text string) func(w *world) {
		return func(w *world) { w.zips["/layer.zip"] = w.zip(name, text) }
	}
	runRows(t, []row{
		{"policy", "of the artifact and of the layer", "pass",
			"policies/default.cedar in the artifact has 4 policies; the candidate /opt/next.cedar in arn:aws:lambda:", func(*world) {}},
		{"policy", "missing in the artifact", "fail", "policies/mine.cedar is not in the artifact: the function does not start",
			set("ATRIP_POLICY_FILE", "policies/mine.cedar")},
		{"policy", "missing in the layer", "fail", "/opt/next.cedar is not in arn:aws:lambda:", layer("policies/next.cedar", "")},
		{"policy", "of no layer", "fail", "/opt/next.cedar is not in a layer",
			func(w *world) { w.publish(lambda.UpdateFunctionConfigurationInput{Layers: []string{}}) }},
		{"policy", "that is not Cedar", "fail", "a policy is wrong: /opt/next.cedar:1:1: expected `permit` or `forbid`",
			layer("next.cedar", "allow")},
		{"policy", "that the schema does not allow", "fail", "/opt/next.cedar:1:70: the context has no `roel`",
			layer("next.cedar", `permit (principal is Operator, action, resource) when { 1 == context.roel };`)},
		{"policy", "for callers without an identity", "fail", "/opt/next.cedar permits callers without an identity",
			layer("next.cedar", `permit (principal is Anonymous, action, resource);`)},
		{"policy", "of a deleted layer version", "fail", "was deleted",
			func(w *world) { w.fault("GetLayerVersion", http.StatusNotFound, "ResourceNotFoundException") }},
		{"policy", "that cannot be downloaded", "blocked", "AWS cannot be reached",
			answer("GetLayerVersion", `{"Content":{"Location":"`+unreachable+`/?signature=example-secret"}}`)},
		{"policy", "of a function that does not start", "skipped", "the function's environment is not valid", set("ATRIP_SECRET_TTL", "never")},
		{"function-settings", "with another layer", "fail", `the parameter PolicyLayerArn says "other"`, parameter("PolicyLayerArn", "other")},
	})
}
