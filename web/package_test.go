package web_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// found returns the first group of every match, sorted, each once.
func found(text, pattern string) []string {
	var all []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// The custom-elements manifest, the element and README.md name the same things.
func TestManifest_DescribesTheElement(t *testing.T) {
	t.Parallel()
	type named []struct{ Name string }
	var manifest struct {
		Modules []struct {
			Declarations []struct{ Attributes, Events, CSSParts, CSSProperties, Members named }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "custom-elements.json")), &manifest); err != nil {
		t.Fatal(err)
	}
	element, types, readme := read(t, "atrip-link.js"), read(t, "atrip-link.d.ts"), read(t, "README.md")
	described := manifest.Modules[0].Declarations[0]
	_, attributes, _ := strings.Cut(readme, "| attribute |")
	attributes, _, _ = strings.Cut(attributes, "| event")
	_, class, _ := strings.Cut(types, "class AtripLink ")
	class, _, _ = strings.Cut(class, "\n}")
	for what, row := range map[string]struct {
		described named
		want      []string
	}{
		"attributes": {described.Attributes, found(attributes, "(?m)^\\| `([a-z-]+)` \\| ")},
		"events":     {described.Events, found(types, `'(atrip-\w+)': CustomEvent`)},
		"parts":      {described.CSSParts, found(element, `part: '(\w+)'`)},
		"properties": {described.CSSProperties, found(element, `var\((--atrip-[a-z-]+)`)},
		"members":    {described.Members, found(class, `(?m)^  (?:static |readonly )?(\w+)[?(:].*;$`)},
	} {
		var names []string
		for _, one := range row.described {
			names = append(names, one.Name)
		}
		slices.Sort(names)
		if !slices.Equal(names, row.want) {
			t.Errorf("custom-elements.json has the %s %q, want %q", what, names, row.want)
		}
	}
	for _, name := range found(element, `(?:value|getAttribute)\('([a-z-]+)'\)`) {
		if name != "atrip-role" && !slices.ContainsFunc(described.Attributes, func(a struct{ Name string }) bool { return a.Name == name }) {
			t.Errorf("the element reads the attribute %s, which custom-elements.json does not describe", name)
		}
	}
}
