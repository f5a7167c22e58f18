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

// TestDocs_ReadingOrder checks that the files of architecture.md's tables
// exist. A name without a folder is in the folder of the one before it.
func TestDocs_ReadingOrder(t *testing.T) {
	t.Parallel()
	for _, row := range find(read(t, "docs/architecture.md"), `(?m)^\| \d+ \| ([^|]+) \|`) {
		folder := ""
		for _, file := range find(row, "`([^`]+)`") {
			if dir := path.Dir(file); dir != "." {
				folder = dir
			} else {
				file = path.Join(folder, file)
			}
			if _, err := os.Stat(filepath.Join(root, file)); err != nil {
				t.Errorf("docs/architecture.md names %s, which does not exist", file)
			}
		}
	}
}

func TestDocs_FilesExist(t *testing.T) {
	t.Parallel()
	for page, text := range pages(t) {
		for _, file := range find(text, "`([\\w.-]+/[\\w./-]+\\.(?:go|sh|json|yaml|cedar|md))`") {
			file = strings.Replace(file, "policies/", "policy/", 1) // the artifact's name for it
			_, err := os.Stat(filepath.Join(root, file))
			if _, near := os.Stat(filepath.Join(root, path.Dir(page), file)); err != nil && near != nil {
				t.Errorf("%s names %s, which does not exist", page, file)
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
