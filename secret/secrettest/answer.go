package secrettest

import (
	"cmp"
	"crypto/rand"
	"maps"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
)

const (
	stageCurrent  = "AWSCURRENT"
	stagePrevious = "AWSPREVIOUS"
)

// input is the union of the operations' requests.
type input struct {
	SecretID     string  `json:"SecretId"`
	VersionStage string  `json:"VersionStage"`
	SecretString *string `json:"SecretString"`
	SecretBinary []byte  `json:"SecretBinary"`
}

// output is the union of the operations' replies.
type output struct {
	ARN, Name          string
	VersionID          string              `json:"VersionId,omitzero"`
	SecretString       *string             `json:",omitzero"`
	SecretBinary       []byte              `json:",omitzero"`
	VersionStages      []string            `json:",omitzero"`
	VersionIDsToStages map[string][]string `json:"VersionIdsToStages,omitzero"`
}

// answer does what the call asks for.
func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	var in input
	if json.UnmarshalRead(r.Body, &in) != nil {
		fail(w, "SerializationException", "the body is not the JSON of an operation")
		return
	}
	if in.SecretID != s.name && in.SecretID != s.ARN {
		fail(w, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
		return
	}
	out := output{ARN: s.ARN, Name: s.name}
	switch r.Header.Get("X-Amz-Target") {
	case "secretsmanager.GetSecretValue":
		stage := cmp.Or(in.VersionStage, stageCurrent)
		v, ok := s.versions()[stage]
		if !ok {
			fail(w, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: "+stage)
			return
		}
		out.VersionID, out.SecretString, out.SecretBinary, out.VersionStages = v.id, v.text, v.binary, []string{stage}
	case "secretsmanager.PutSecretValue":
		out.VersionID, out.VersionStages = s.put(version{text: in.SecretString, binary: in.SecretBinary}), []string{stageCurrent}
	case "secretsmanager.DescribeSecret":
		out.VersionIDsToStages = map[string][]string{}
		for stage, v := range s.versions() {
			out.VersionIDsToStages[v.id] = []string{stage}
		}
	default:
		fail(w, "UnknownOperationException", "this simulator has GetSecretValue, PutSecretValue and DescribeSecret")
		return
	}
	send(w, http.StatusOK, out)
}

func (s *Server) versions() map[string]version {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.staged)
}

// fail answers with an error of the service, under the HTTP status that its API
// reference gives the code.
func fail(w http.ResponseWriter, code, message string) {
	status := http.StatusBadRequest
	if strings.HasPrefix(code, "Internal") {
		status = http.StatusInternalServerError
	}
	w.Header().Set("X-Amzn-ErrorType", code)
	send(w, status, struct {
		Type    string `json:"__type"`
		Message string
	}{code, message})
}

func send(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-RequestId", rand.Text())
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, v)
}
