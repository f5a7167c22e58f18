package secrettest

import (
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
)

const (
	contentType  = "application/x-amz-json-1.1"
	targetPrefix = "secretsmanager."

	// maxRequestBody is above what a secret may have, 64 KiB, in bytes.
	maxRequestBody = 256 << 10
)

// input has the members of every operation's request that matter here.
type input struct {
	SecretID           string   `json:"SecretId"`
	VersionID          string   `json:"VersionId"`
	VersionStage       string   `json:"VersionStage"`
	VersionStages      []string `json:"VersionStages"`
	ClientRequestToken string   `json:"ClientRequestToken"`
	SecretString       *string  `json:"SecretString"`
	SecretBinary       []byte   `json:"SecretBinary"`
}

// apiError is an error of the service: its code, which the SDKs make a type
// of, and its text.
type apiError struct{ code, message string }

// status is the HTTP status that goes with an error code, after "Common
// Errors" of the AWS Secrets Manager API Reference.
func (e *apiError) status() int {
	switch e.code {
	case "InternalServiceError", "InternalFailure":
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// notFound is the service's error for the secret, or for what of it is named.
func notFound(what string) *apiError {
	message := "Secrets Manager can't find the specified secret."
	if what != "" {
		message = "Secrets Manager can't find the specified secret " + what
	}
	return &apiError{"ResourceNotFoundException", message}
}

// exchange is one call on its way through a Step.
type exchange struct {
	server    *Server
	w         http.ResponseWriter
	r         *http.Request
	operation string
	input     input
}

// Handler returns the simulator as a handler.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBody))
	if err != nil {
		http.Error(w, "the request's body cannot be read", http.StatusRequestEntityTooLarge)
		return
	}
	x := &exchange{server: s, w: w, r: r}
	target, named := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method != http.MethodPost || r.URL.Path != "/" || mediaType != contentType || !named:
		x.fail(&apiError{"UnknownOperationException", "POST / as " + contentType + " with X-Amz-Target: " + targetPrefix + "GetSecretValue or the like"})
		return
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") || r.Header.Get("X-Amz-Date") == "":
		x.fail(&apiError{"MissingAuthenticationTokenException", "Missing Authentication Token"})
		return
	}
	x.operation = target
	if err := json.Unmarshal(body, &x.input); err != nil {
		x.fail(&apiError{"SerializationException", "the request's body is not the JSON of " + target})
		return
	}
	step := s.begin(Recorded{
		Operation: target, SecretID: x.input.SecretID, VersionID: x.input.VersionID, VersionStage: x.input.VersionStage,
	})
	s.options.Logf("secrettest: %s of %q: answered by %s", target, x.input.SecretID, step)
	step.play(x)
}

// answer does what the call asks for.
func (x *exchange) answer() {
	s := x.server
	if x.input.SecretID == "" {
		x.fail(&apiError{"ValidationException", "1 validation error detected: SecretId is missing"})
		return
	}
	if !s.names(x.input.SecretID) {
		x.fail(notFound(""))
		return
	}
	switch x.operation {
	case "GetSecretValue":
		v, err := s.versions.get(x.input.VersionID, x.input.VersionStage)
		if err != nil {
			x.fail(err)
			return
		}
		x.sendValue(v)
	case "PutSecretValue":
		x.put()
	case "DescribeSecret":
		x.describe()
	default:
		x.fail(&apiError{"UnknownOperationException", "this simulator knows GetSecretValue, PutSecretValue and DescribeSecret"})
	}
}

// names reports whether id is the secret's name, ARN or partial ARN, which
// lacks the hyphen and six characters at the end.
func (s *Server) names(id string) bool {
	return id == s.options.Name || id == s.ARN || id == strings.TrimSuffix(s.ARN, suffix)
}

func (x *exchange) put() {
	if (x.input.SecretString == nil) == (x.input.SecretBinary == nil) {
		x.fail(&apiError{"InvalidRequestException", "You must provide either SecretString or SecretBinary."})
		return
	}
	v, err := x.server.versions.put(x.input.ClientRequestToken, content{x.input.SecretString, x.input.SecretBinary}, x.input.VersionStages...)
	if err != nil {
		x.fail(err)
		return
	}
	x.send(struct {
		ARN, Name     string
		VersionID     string `json:"VersionId"`
		VersionStages []string
	}{x.server.ARN, x.server.options.Name, v.id, v.stages})
}

func (x *exchange) describe() {
	stages := map[string][]string{}
	var created, changed float64
	for i, v := range x.server.versions.list() {
		if changed = seconds(v.created); i == 0 {
			created = changed
		}
		if len(v.stages) > 0 { // without a label a version is deprecated and not shown
			stages[v.id] = v.stages
		}
	}
	x.send(struct {
		ARN, Name          string
		CreatedDate        float64             `json:",omitzero"`
		LastChangedDate    float64             `json:",omitzero"`
		VersionIdsToStages map[string][]string `json:",omitempty"`
	}{x.server.ARN, x.server.options.Name, created, changed, stages})
}
