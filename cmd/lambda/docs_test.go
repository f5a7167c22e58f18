package main_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"atriptoken/atlas/atlastest"
)

const root = "../.."

// glob returns the repository's files that match a pattern.
func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := fs.Glob(os.DirFS(root), pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no file matches %s: %v", pattern, err)
	}
	return names
}

// pages returns every Markdown page of the repository by its path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "web/*.md"} {
		for _, page := range glob(t, pattern) {
			found[page] = read(t, page)
		}
	}
	return found
}

func TestDocs_Links(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for page, text := range all {
		for _, link := range find(text, `\]\(([^)\s]+)\)`) {
			if strings.Contains(link, "://") {
				continue
			}
			target, anchor, _ := strings.Cut(link, "#")
			if target = path.Join(path.Dir(page), target); strings.HasPrefix(link, "#") {
				target = page
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s, which does not exist", page, link)
			} else if anchor != "" && !slices.Contains(anchors(all[target]), anchor) {
				t.Errorf("%s links to %s, which has no such heading", page, link)
			}
		}
	}
}

// anchors returns the anchors of a page's headings as GitHub forms them.
func anchors(page string) []string {
	found := find(page, `(?m)^#+ (.+)$`)
	for i, heading := range found {
		heading = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading), "")
		found[i] = strings.ReplaceAll(heading, " ", "-")
	}
	return found
}

func TestDocs_NamedTestsExist(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{}
	for _, folder := range []string{"[a-z]*", "[a-z]*/*", "[a-z]*/*/*", "[a-z]*/*/*/*"} {
		for _, name := range glob(t, folder+"/*_test.go") {
			for _, test := range find(read(t, name), `(?m)^func ((?:Test|Fuzz)\w+)`) {
				tests[test] = true
			}
		}
	}
	named := 0
	for page, text := range pages(t) {
		for _, name := range find(text, "`((?:Test|Fuzz)\\w+)`") {
			named++
			if !tests[name] {
				t.Errorf("%s names the test %s, which does not exist", page, name)
			}
		}
	}
	if named < 20 {
		t.Errorf("only %d tests found in the pages", named)
	}
}

// In architecture.md, a name without a folder is in the folder of the one before it.
func TestDocs_FilesExist(t *testing.T) {
	t.Parallel()
	for page, text := range pages(t) {
		for line := range strings.Lines(text) {
			folder := ""
			for _, file := range find(line, "`([\\w./-]+\\.(?:go|sh|json|yaml|cedar|md))`") {
				file = strings.Replace(file, "policies/", "policy/", 1) // the artifact's name for it
				if strings.Contains(file, "/") {
					folder = path.Dir(file)
				} else if page != "docs/architecture.md" {
					continue
				}
				_, err := os.Stat(filepath.Join(root, folder, path.Base(file)))
				if _, near := os.Stat(filepath.Join(root, path.Dir(page), file)); err != nil && near != nil {
					t.Errorf("%s names %s, which does not exist", page, file)
				}
			}
		}
	}
}

// The stack has exactly the described operation, and CORS lets a browser use it.
func TestDocs_OpenAPI(t *testing.T) {
	t.Parallel()
	description, stack := read(t, "docs/openapi.yaml"), read(t, "template.yaml")
	paths, methods := find(description, `(?m)^  (/\S+):$`), find(description, `(?m)^    (get|head|post|put|patch|delete|options|trace):$`)
	routes := find(stack, `RouteKey: (.+)`)
	if len(paths) != 1 || len(methods) != 1 || !slices.Equal(routes, []string{strings.ToUpper(methods[0]) + " " + paths[0]}) {
		t.Errorf("described are %q %q, and the stack has %q", methods, paths, routes)
	}
	schemes, authorizers := find(description, `(?m)^      type: (http|apiKey|oauth2|openIdConnect)$`), find(stack, `AuthorizationType: (.+)`)
	if !slices.Equal(schemes, []string{"http", "apiKey"}) || !slices.Equal(authorizers, []string{"!If [IsJwt, JWT, AWS_IAM]"}) {
		t.Errorf("described are %q, and the stack has %q", schemes, authorizers)
	}
	described := find(description, `- name: (\S+)\n +in: header`)
	allowed := strings.ToLower("[authorization, content-type, " + strings.Join(described, ", ") + "]")
	if got := find(stack, `AllowHeaders: (.+)`); !slices.Equal(got, []string{allowed}) {
		t.Errorf("CORS allows %q, want %s", got, allowed)
	}
	if got := find(stack, `ExposeHeaders: .*\b(retry-after)\b`); len(got) != 1 {
		t.Error("CORS does not expose Retry-After")
	}
}

// The policy's schema lists the doors and services that the handler's tests show, and
// an agent's tool the request that all callers send.
func TestDocs_SchemaAndTool(t *testing.T) {
	t.Parallel()
	for file, parts := range map[string][]string{
		"policy/schema.cedarschema": {`entity Service enum ["service", "unqualified"];`, `: "api", "service", or "unqualified" without one.`},
		"docs/tool.json":            append(atlastest.DefaultRoles(), `"required": ["orderNo", "userName", "role"]`),
	} {
		for _, part := range parts {
			if !strings.Contains(read(t, file), part) {
				t.Errorf("%s lacks %s", file, part)
			}
		}
	}
}

func TestDocs_MakeTargets(t *testing.T) {
	t.Parallel()
	targets := find(read(t, "Makefile"), `(?m)^([a-z][a-z-]*):.*## `)
	for page, text := range pages(t) {
		for _, command := range append(find(text, "`([^`\n]+)`"), find(text, `(?m)^ {4,7}(\S.*)$`)...) { // code
			for _, target := range find(command, `\bmake ([a-z][a-z-]*)`) {
				if !slices.Contains(targets, target) {
					t.Errorf("%s names make %s, which does not exist", page, target)
				}
			}
		}
	}
}
