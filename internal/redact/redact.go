// Package redact keeps values out of logs and encodings: the Atlas client secret
// and the token URL that signs an operator in.
package redact

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
)

// Placeholder is what every formatter prints in place of a String's value.
const Placeholder = "[redacted]"

// ErrMarshal is returned if a String is marshalled. A value that is meant to
// leave the process must be taken out with Reveal, which a reviewer can find.
var ErrMarshal = errors.New("redact: a redacted value cannot be marshalled; use Reveal where it is meant to leave the process")

// String is a string that no fmt verb, logger or marshaller shows. The zero
// String is the empty string.
type String struct {
	// fmt prints a struct's unexported fields by reflection, without their Format
	// method: of a pointer it prints only the address.
	value *string
}

// New returns value as a String.
func New(value string) String { return String{value: &value} }

// Reveal returns the value. Review every call.
func (s String) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether the value is the empty string.
func (s String) Empty() bool { return s.Reveal() == "" }

// SHA256 returns the lower-case hexadecimal SHA-256 of the value: it identifies a
// known value and reveals no unknown one.
func (s String) SHA256() string {
	sum := sha256.Sum256([]byte(s.Reveal()))
	return hex.EncodeToString(sum[:])
}

// Format writes Placeholder for every verb and flag.
func (s String) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Placeholder)) }

// LogValue returns Placeholder as a slog.Value.
func (s String) LogValue() slog.Value { return slog.StringValue(Placeholder) }

// MarshalText returns ErrMarshal; encoding/json and encoding/xml call it too.
func (s String) MarshalText() ([]byte, error) { return nil, ErrMarshal }
