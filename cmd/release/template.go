package main

import (
	"bytes"
	"fmt"
)

// edit is one change to the template, made exactly as often as it says.
type edit struct {
	old, new string
	times    int
}

// template returns the stack's template for a release: it takes the zips in
// place of the makefiles that `sam build` would run, knows one architecture
// only, and publishes a new version of the function when the fingerprint is a
// new one. SAM by itself looks at the code alone: a release that changes no
// more than a parameter would leave the aliases with the old settings.
func template(text []byte, architecture, fingerprint string) ([]byte, error) {
	edits := []edit{
		{"    Metadata:\n      BuildMethod: makefile\n" +
			"      # Built in the project's root: CodeUri holds only the makefile that names the architecture.\n      WorkingDirectory: .\n", "    Metadata:\n", 1},
		{"    Metadata:\n      BuildMethod: makefile\n      WorkingDirectory: .\n", "    Metadata:\n", 1},
		{"    Default: arm64\n    AllowedValues: [arm64, x86_64]\n", "    Default: " + architecture + "\n    AllowedValues: [" + architecture + "]\n", 1},
		{"      AutoPublishAlias: api\n", "      AutoPublishAlias: api\n      AutoPublishCodeSha256: " + fingerprint + "\n", 1},
	}
	for _, e := range edits {
		if n := bytes.Count(text, []byte(e.old)); n != e.times {
			return nil, fmt.Errorf("it holds %d times what a release changes %d times: %q", n, e.times, e.old)
		}
		text = bytes.ReplaceAll(text, []byte(e.old), []byte(e.new))
	}
	// The function stands before the probe.
	source := []byte("CodeUri: !Sub tools/${Architecture}\n")
	if n := bytes.Count(text, source); n != 2 {
		return nil, fmt.Errorf("it names the code's folder %d times, not for the function and the probe", n)
	}
	text = bytes.Replace(text, source, []byte("CodeUri: function.zip\n"), 1)
	return bytes.Replace(text, source, []byte("CodeUri: probe.zip\n"), 1), nil
}
