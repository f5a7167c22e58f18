// Command policy checks Cedar policies before they are deployed.
//
//	policy check  [path]...  checks these policy files, and every one in these folders, against the broker's schema
//	policy matrix [folder]   prints the table of cases.yaml with each policy's decisions
//	policy prove  [folder [file]...]
//	                         proves the folder's claims about every policy of the folder, or about these;
//	                         it needs Cedar's command line (CEDAR=path) and the solver cvc5 (CVC5=path)
//
// The default folder is policy. On failure it prints file:line:column: text and
// the line to stderr, and exits with status 1. check prints warnings too.
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
	command, paths := "", []string{"policy"}
	if len(args) > 0 {
		command = args[0]
	}
	if len(args) > 1 {
		paths = args[1:]
	}
	switch {
	case command == "check":
		return check(paths, out)
	case command == "matrix" && len(paths) == 1:
		return matrix(paths[0], out)
	case command == "prove":
		return prove(paths[0], paths[1:], out)
	}
	return errors.New("usage: policy check [path]..., policy matrix [folder], policy prove [folder [file]...]")
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

// policyFiles returns the path itself, or every .cedar file in and below the
// folder; claims are no policies.
func policyFiles(path string) (files []string, err error) {
	err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "claims":
			return fs.SkipDir
		case !entry.IsDir() && filepath.Ext(file) == ".cedar":
			files = append(files, file)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: holds no .cedar file", path)
	}
	return files, err
}

// check checks every policy file that a path names or contains.
func check(paths []string, out io.Writer) error {
	var files []string
	var bad []error
	for _, path := range paths {
		found, err := policyFiles(path)
		bad, files = append(bad, err), append(files, found...)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, problem := range policycheck.Check(file, text) {
			if problem.Warning {
				fmt.Fprintln(out, problem.Excerpt())
			} else {
				bad = append(bad, errors.New(problem.Excerpt()))
			}
		}
	}
	if err := errors.Join(bad...); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%d policy files are valid\n", len(files))
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
		table, unexpected := f.matrix(rules)
		bad = append(bad, unexpected...)
		if _, err := fmt.Fprintln(out, table); err != nil {
			return err
		}
	}
	return errors.Join(bad...)
}
