package secrettest

import (
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
)

// seconds is a time as AWS JSON 1.1 has it: seconds since 1970, with
// milliseconds as a fraction.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// sendValue answers GetSecretValue with a version.
func (x *exchange) sendValue(v version) {
	x.send(struct {
		ARN, Name     string
		CreatedDate   float64
		SecretString  *string `json:",omitzero"`
		SecretBinary  []byte  `json:",omitzero"`
		VersionID     string  `json:"VersionId"`
		VersionStages []string
	}{x.server.ARN, x.server.options.Name, seconds(v.created), v.content.text, v.content.binary, v.id, v.stages})
}

// fail answers with an error of the service.
func (x *exchange) fail(e *apiError) {
	x.w.Header().Set("X-Amzn-ErrorType", e.code)
	x.write(e.status(), struct {
		Type    string `json:"__type"`
		Message string
	}{e.code, e.message})
}

func (x *exchange) send(v any) { x.write(http.StatusOK, v) }

func (x *exchange) write(code int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("secrettest: a reply cannot be encoded: " + err.Error())
	}
	x.writeRaw(code, contentType, body)
}

func (x *exchange) writeRaw(code int, contentType string, body []byte) {
	x.w.Header().Set("Content-Type", contentType)
	x.w.Header().Set("X-Amzn-RequestId", newUUID())
	x.w.WriteHeader(code)
	_, _ = x.w.Write(body)
}
