package redact_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"atriptoken/internal/redact"
)

const marked = "MARKED-7f3a"

// holder has the value exported, unexported and behind a pointer.
type holder struct {
	Exported redact.String
	hidden   redact.String
	pointer  *redact.String
}

func newHolder() holder {
	s := redact.New(marked)
	return holder{Exported: s, hidden: s, pointer: &s}
}

func TestString_Fmt(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%10.3s", "%t", "%!"} {
		for _, value := range []any{redact.New(marked), newHolder(), map[string]redact.String{"k": redact.New(marked)}} {
			out := fmt.Sprintf(verb, value)
			if strings.Contains(out, marked) || strings.Contains(strings.ToLower(out), fmt.Sprintf("%x", marked)) {
				t.Errorf("%s of a %T shows the value: %s", verb, value, out)
			}
		}
	}
}

func TestString_Loggers(t *testing.T) {
	var out bytes.Buffer
	for _, logger := range []*slog.Logger{slog.New(slog.NewJSONHandler(&out, nil)), slog.New(slog.NewTextHandler(&out, nil))} {
		logger.Info("secret", "value", redact.New(marked), "holder", newHolder(), "error", fmt.Errorf("with %v", redact.New(marked)))
	}
	if strings.Contains(out.String(), marked) {
		t.Errorf("the log shows the value: %s", &out)
	}
}

func TestString_Marshallers(t *testing.T) {
	for name, marshal := range map[string]func(any) ([]byte, error){
		"json": json.Marshal,
		"xml":  xml.Marshal,
		"gob": func(v any) ([]byte, error) {
			var out bytes.Buffer
			err := gob.NewEncoder(&out).Encode(v)
			return out.Bytes(), err
		},
	} {
		out, err := marshal(redact.New(marked))
		if err == nil || name != "gob" && !errors.Is(err, redact.ErrMarshal) { // gob takes no struct without exported fields
			t.Errorf("%s: error %v, want ErrMarshal", name, err)
		}
		if bytes.Contains(out, []byte(marked)) {
			t.Errorf("%s shows the value: %s", name, out)
		}
	}
}

func TestString_Reveal(t *testing.T) {
	s := redact.New(marked)
	if s.Reveal() != marked {
		t.Errorf("Reveal() = %q, want %q", s.Reveal(), marked)
	}
	if s.Empty() || !redact.New("").Empty() || !(redact.String{}).Empty() {
		t.Error("Empty() is wrong for a value, the empty string or the zero String")
	}
	// printf %s MARKED-7f3a | sha256sum
	const want = "e0312fd82e586c25a8b8d7aba9b1d790dcb60bd063451031a0a01740df0cbf71"
	if got := s.SHA256(); got != want {
		t.Errorf("SHA256() = %q, want %q", got, want)
	}
}
