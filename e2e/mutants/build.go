package main

import (
	"context"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// chosen is the environment variable that chooses a mutant by its number, from
// 1; the file in which the package reads it is added to the package.
const chosen = "MUTANT"

const chooser = `package %s

import (
	"os"
	"strconv"
)

var chosenMutant, _ = strconv.Atoi(os.Getenv("` + chosen + `"))
`

// testBinary is a package's tests with every mutant built in.
type testBinary struct{ path, dir string }

// build writes a package's files with every mutant in them and builds its tests.
func build(root, pkg, dir string, files *regexp.Regexp) (testBinary, []mutant, error) {
	folder := filepath.Join(root, pkg)
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return testBinary{}, nil, err
	}
	out := filepath.Join(dir, strings.ReplaceAll(pkg, "/", "-"))
	if err := os.Mkdir(out, 0o700); err != nil {
		return testBinary{}, nil, err
	}
	replaced := map[string]string{}
	write := func(name, text string) error {
		to := filepath.Join(out, filepath.Base(name))
		replaced[name] = to
		return os.WriteFile(to, []byte(text), 0o600)
	}
	var mutants []mutant
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || !files.MatchString(filepath.Base(name)) {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return testBinary{}, nil, err
		}
		broken, found, err := mutate(filepath.Join(pkg, filepath.Base(name)), text, len(mutants))
		if err != nil {
			return testBinary{}, nil, err
		}
		mutants = append(mutants, found...)
		if err := write(name, broken); err != nil {
			return testBinary{}, nil, err
		}
	}
	for _, name := range names[:min(1, len(names))] {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly)
		if err != nil {
			return testBinary{}, nil, err
		}
		if err := write(filepath.Join(folder, "chosen_mutant.go"), fmt.Sprintf(chooser, strings.TrimSuffix(file.Name.Name, "_test"))); err != nil {
			return testBinary{}, nil, err
		}
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": replaced})
	if err != nil {
		return testBinary{}, nil, err
	}
	overlayFile, path := filepath.Join(out, "overlay.json"), filepath.Join(out, "test")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		return testBinary{}, nil, err
	}
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-overlay", overlayFile, "-o", path, "./"+pkg)
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil {
		return testBinary{}, nil, fmt.Errorf("%s: %w\n%s", pkg, err, text)
	}
	return testBinary{path, folder}, mutants, nil
}

// patience bounds the tests of one mutant: an endless loop is noticed too.
const patience = 2 * time.Minute

// passes reports whether every test passes with a mutant, 0 for none. The slow
// ones run last, and only for a mutant that lives until then.
func (b testBinary) passes(mutant int, slow string) bool {
	for _, which := range []string{"-test.skip", "-test.run"} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		test := exec.CommandContext(ctx, b.path, "-test.failfast", which, slow, "-test.timeout", patience.String())
		test.Dir = b.dir
		test.Env = append(os.Environ(), fmt.Sprintf("%s=%d", chosen, mutant))
		err := test.Run()
		cancel()
		if err != nil {
			return false
		}
	}
	return true
}
