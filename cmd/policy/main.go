// Command policy checks the Cedar policies in a folder before they are built
// into the function.
//
//	policy check  [folder]   validates every policy against the folder's schema.cedarschema
//	policy matrix [folder]   prints the table of cases.yaml with each policy's decisions
//	policy prove  [folder [file]...]
//	                         proves the folder's claims about every policy of the folder, or about these;
//	                         it needs Cedar's command line (CEDAR=path) and the solver cvc5 (CVC5=path)
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
	if len(args) > 1 {
		folder = args[1]
	}
	switch {
	case len(args) > 0 && args[0] == "prove":
		return prove(folder, args[min(2, len(args)):], out)
	case len(args) < 1 || len(args) > 2:
	case args[0] == "check":
		return check(folder, out)
	case args[0] == "matrix":
		return matrix(folder, out)
	}
	return errors.New("usage: policy check|matrix [folder], policy prove [folder [file]...]")
}

// readFile parses a file.
func readFile[T any](parse func(name string, text []byte) (T, error), file string) (T, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		var none T
		return none, err
	}
	return parse(file, text)
}

// cedarFiles returns every .cedar file in and below the folder.
func cedarFiles(folder string) (files []string, err error) {
	err = filepath.WalkDir(folder, func(file string, _ fs.DirEntry, err error) error {
		if filepath.Ext(file) == ".cedar" {
			files = append(files, file)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: holds no .cedar file", folder)
	}
	return files, err
}

// check validates every .cedar file in and below the folder.
func check(folder string, out io.Writer) error {
	schema, err := readFile(policycheck.ParseSchema, filepath.Join(folder, "schema.cedarschema"))
	if err != nil {
		return err
	}
	files, err := cedarFiles(folder)
	if err != nil {
		return err
	}
	var bad []error
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil {
			err = schema.Check(file, text)
		}
		bad = append(bad, err)
	}
	if err := errors.Join(bad...); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d policy files are valid\n", len(files))
	return err
}

// matrix runs the cases and prints them.
func matrix(folder string, out io.Writer) error {
	files, err := readFile(parseCases, filepath.Join(folder, "cases.yaml"))
	if err != nil {
		return err
	}
	var bad []error
	for _, f := range files {
		rules, err := readFile(policy.Parse, filepath.Join(folder, f.Policy))
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
