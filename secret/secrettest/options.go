package secrettest

import "time"

// What zero Options stand for, and the parts of the ARN that do not vary.
const (
	// DefaultName is the secret's name.
	DefaultName = "example/atlas-credentials"
	// DefaultValue is the secret's value: the credentials that
	// atlastest accepts by default.
	DefaultValue = `{"clientId":"example-client","clientSecret":"example-secret"}`
	// Region is the AWS Region in the ARN.
	Region = "eu-west-1"

	account = "000000000000"
	suffix  = "-AbCdEf" // Secrets Manager adds a hyphen and six random characters to the name
)

// Options configure a Server. The zero value, or nil in its place, works.
type Options struct {
	// Addr is the host:port to listen on. Empty means a free port of
	// 127.0.0.1. New ignores it.
	Addr string

	// Name is the secret's name. Empty means DefaultName.
	Name string

	// Value is the secret's first value. Empty means DefaultValue.
	Value string

	// NoValue leaves the secret without a version, as CloudFormation creates
	// it when no value is given: reading it is a ResourceNotFoundException
	// until something is put.
	NoValue bool

	// Now tells the dates of versions. Nil means time.Now.
	Now func() time.Time

	// Logf, if not nil, gets one line a call, without the secret's value.
	Logf func(format string, args ...any)
}

func (o *Options) withDefaults() Options {
	var full Options
	if o != nil {
		full = *o
	}
	if full.Name == "" {
		full.Name = DefaultName
	}
	if full.Value == "" {
		full.Value = DefaultValue
	}
	if full.Now == nil {
		full.Now = time.Now
	}
	if full.Logf == nil {
		full.Logf = func(string, ...any) {}
	}
	return full
}
