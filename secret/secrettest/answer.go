package secrettest

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
)

const (
	contentType = "application/x-amz-json-1.1"

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
func (s *Server) answer(w http.ResponseWriter, operation string, in input) {
	out := output{ARN: s.ARN, Name: s.options.Name}
	if in.SecretID != s.options.Name && in.SecretID != s.ARN {
		fail(w, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
		return
	}
	switch operation {
	case "GetSecretValue":
		stage := cmp.Or(in.VersionStage, stageCurrent)
		v := s.staged()[stage]
		if v == nil {
			fail(w, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: "+stage)
			return
		}
		out.VersionID, out.SecretString, out.SecretBinary, out.VersionStages = v.id, v.text, v.binary, []string{stage}
	case "PutSecretValue":
		out.VersionID, out.VersionStages = s.put(version{text: in.SecretString, binary: in.SecretBinary}), []string{stageCurrent}
	case "DescribeSecret":
		out.VersionIDsToStages = map[string][]string{}
		for stage, v := range s.staged() {
			if v != nil {
				out.VersionIDsToStages[v.id] = []string{stage}
			}
		}
	default:
		fail(w, "UnknownOperationException", "this simulator has GetSecretValue, PutSecretValue and DescribeSecret")
		return
	}
	send(w, http.StatusOK, out)
}

func (s *Server) staged() map[string]*version {
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]*version{stageCurrent: s.current, stagePrevious: s.previous}
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
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Amzn-RequestId", newID())
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, v)
}

// newID returns an id for a version or a request.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
