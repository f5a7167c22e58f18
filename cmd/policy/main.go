// Command policy checks the Cedar policies in a folder before they are built
// into the function.
//
//	policy check  [folder]   validates every policy against the folder's schema.cedarschema
//	policy matrix [folder]   prints the table of cases.yaml with what each policy decides
//
// The folder is policy unless it is given. Both end with status 1 and what is
// wrong on stderr, as file:line:column: text.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"atriptoken/policy"
	"atriptoken/policy/policycheck"
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

// check validates every .cedar file in and below the folder.
func check(folder string, out io.Writer) error {
	schemaFile := filepath.Join(folder, "schema.cedarschema")
	text, err := os.ReadFile(schemaFile)
	if err != nil {
		return err
	}
	schema, err := policycheck.ParseSchema(schemaFile, text)
	if err != nil {
		return err
	}
	var bad []error
	var count int
	err = filepath.WalkDir(folder, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".cedar" {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		count++
		bad = append(bad, schema.Validate(file, text))
		return nil
	})
	if err := errors.Join(append(bad, err)...); err != nil {
		return err
	}
	if count == 0 {
		return fmt.Errorf("%s: holds no .cedar file", folder)
	}
	_, err = fmt.Fprintf(out, "%d policy files are valid\n", count)
	return err
}

// matrix runs the cases and prints them.
func matrix(folder string, out io.Writer) error {
	casesFile := filepath.Join(folder, "cases.yaml")
	text, err := os.ReadFile(casesFile)
	if err != nil {
		return err
	}
	table, err := policycheck.ParseTable(casesFile, text)
	if err != nil {
		return err
	}
	var bad []error
	for _, f := range table.Files {
		name := filepath.Join(folder, f.Policy)
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rules, err := policy.Parse(name, text)
		if err != nil {
			return err
		}
		results := f.Run(rules)
		for _, r := range results {
			if !r.OK() {
				bad = append(bad, fmt.Errorf("%s: %s", name, r))
			}
		}
		if err := policycheck.WriteMatrix(out, f, results); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
	}
	return errors.Join(bad...)
}
