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

// pages returns every Markdown page of the repository by its path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "web/*.md"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			page, err := filepath.Rel(root, name)
			if err != nil {
				t.Fatal(err)
			}
			found[filepath.ToSlash(page)] = read(t, page)
		}
	}
	if len(found) < 10 {
		t.Fatalf("only %d pages found", len(found))
	}
	return found
}

// codeSpans returns what a page shows as code: between backticks, or indented.
func codeSpans(page string) []string {
	return append(find(page, "`([^`\n]+)`"), find(page, `(?m)^ {4,7}(\S.*)$`)...)
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
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && name != root || entry.Name() == "node_modules"):
			return fs.SkipDir
		case !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(name)
		for _, test := range find(string(text), `(?m)^func ((?:Test|Fuzz|Benchmark)\w+)`) {
			tests[test] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
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

func TestDocs_MakeTargets(t *testing.T) {
	t.Parallel()
	targets := find(read(t, "Makefile"), `(?m)^([a-z][a-z-]*):.*## `)
	for page, text := range pages(t) {
		for _, command := range codeSpans(text) {
			for _, target := range find(command, `\bmake ([a-z][a-z-]*)`) {
				if !slices.Contains(targets, target) {
					t.Errorf("%s names make %s, which does not exist", page, target)
				}
			}
		}
	}
}
