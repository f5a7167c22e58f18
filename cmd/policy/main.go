// Command policy checks the Cedar policies in a folder before they are built
// into the function.
//
//	policy check  [folder]   validates every policy against the folder's schema.cedarschema
//	policy matrix [folder]   prints the table of cases.yaml with each policy's decisions
//
// The default folder is policy. On failure it prints file:line:column: text to
// stderr and exits with status 1.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"atriptoken/internal/policycheck"
	"atriptoken/policy"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	folder := "policy"
	if len(args) == 2 {
		folder = args[1]
	}
	switch {
	case len(args) < 1 || len(args) > 2:
	case args[0] == "check":
		return check(folder, out)
	case args[0] == "matrix":
		return matrix(folder, out)
	}
	return errors.New("usage: policy check|matrix [folder]")
}

// readFile parses the file of that name in the folder.
func readFile[T any](parse func(name string, text []byte) (T, error), folder, name string) (T, error) {
	file := filepath.Join(folder, name)
	text, err := os.ReadFile(file)
	if err != nil {
		var none T
		return none, err
	}
	return parse(file, text)
}

// check validates every .cedar file in and below the folder.
func check(folder string, out io.Writer) error {
	validator, err := readFile(policycheck.ParseSchema, folder, "schema.cedarschema")
	if err != nil {
		return err
	}
	var bad []error
	count := 0
	err = filepath.WalkDir(folder, func(file string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".cedar" {
			return err
		}
		text, err := os.ReadFile(file)
		if err == nil {
			err = validator.Check(file, text)
		}
		count++
		bad = append(bad, err)
		return nil
	})
	if count == 0 {
		bad = append(bad, fmt.Errorf("%s: holds no .cedar file", folder))
	}
	if err := errors.Join(append(bad, err)...); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d policy files are valid\n", count)
	return err
}

// matrix runs the cases and prints them.
func matrix(folder string, out io.Writer) error {
	files, err := readFile(parseCases, folder, "cases.yaml")
	if err != nil {
		return err
	}
	var bad []error
	for _, f := range files {
		rules, err := readFile(policy.Parse, folder, f.Policy)
		if err != nil {
			return err
		}
		results := f.run(rules)
		for _, r := range results {
			if !r.ok() {
				bad = append(bad, fmt.Errorf("%s: %s", rules.Name(), r))
			}
		}
		if _, err := fmt.Fprintln(out, f.matrix(results)); err != nil {
			return err
		}
	}
	return errors.Join(bad...)
}
