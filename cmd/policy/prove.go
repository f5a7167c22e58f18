package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"atriptoken/internal/policycheck"
	"atriptoken/policy"
)

// prover runs the analysis of Cedar's command line, which decides a claim for
// every possible request of one principal type.
type prover struct{ cli, schema string }

// claim is a sentence and the check of it. The check returns a counterexample,
// or errTrivial if the sentence does not restrict this principal type.
type claim struct {
	sentence string
	check    func(kind types.EntityType) (counterexample string, err error)
}

var errTrivial = errors.New("the claim permits every request")

// prove proves the claims about the given policy files, or about every policy
// file of the folder, and prints a table for each.
func prove(folder string, files []string, out io.Writer) error {
	p := prover{cmp.Or(os.Getenv("CEDAR"), "cedar"), filepath.Join(folder, "schema.cedarschema")}
	principals := policycheck.Principals()
	if len(files) == 0 {
		var err error
		if files, err = policyFiles(folder); err != nil {
			return err
		}
	}
	var failed []error
	for _, file := range files {
		claims, err := p.claims(filepath.Join(folder, "claims"), file)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprint(table, file)
		for _, kind := range principals {
			fmt.Fprint(table, "\t", kind)
		}
		for _, c := range claims {
			fmt.Fprint(table, "\n", c.sentence)
			for _, kind := range principals {
				cell := "proved"
				switch counterexample, err := c.check(kind); {
				case errors.Is(err, errTrivial):
					cell = "."
				case err != nil:
					return err
				case counterexample != "":
					cell = "FAILS"
					failed = append(failed, fmt.Errorf("%s: the claim %q fails for %s:\n%s", file, c.sentence, kind, counterexample))
				}
				fmt.Fprint(table, "\t", cell)
			}
		}
		fmt.Fprint(table, "\n\n")
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

// claims returns the claims about a policy file: each file in the folder, and
// that no policy errs. The files of the folder's subfolder NAME are about
// NAME.cedar only, and replace those with the same name.
func (p prover) claims(folder, file string) ([]claim, error) {
	byName := map[string]string{}
	for _, dir := range []string{folder, filepath.Join(folder, strings.TrimSuffix(filepath.Base(file), ".cedar"))} {
		names, _ := fs.Glob(os.DirFS(dir), "*.cedar") // the pattern is valid
		for _, name := range names {
			byName[name] = filepath.Join(dir, name)
		}
	}
	if len(byName) == 0 {
		return nil, fmt.Errorf("%s: holds no claim; write one as in docs/policy.md", folder)
	}
	var claims []claim
	for _, base := range slices.Sorted(maps.Keys(byName)) {
		name := byName[base]
		list, err := readFile(cedar.NewPolicyListFromBytes, name)
		if err != nil || len(list) == 0 {
			return nil, fmt.Errorf("%s: is not a claim: %w", name, cmp.Or(err, io.EOF))
		}
		claims = append(claims, claim{string(list[0].Annotations()["claim"]), func(kind types.EntityType) (string, error) {
			if counterexample, err := p.ask(kind, nil, "always-allows", "--policies", name); err != nil || counterexample == "" {
				return "", cmp.Or(err, errTrivial)
			}
			return p.ask(kind, nil, "implies", "--policies1", file, "--policies2", name)
		}})
	}
	statements, err := readFile(cedar.NewPolicyListFromBytes, file)
	if err != nil {
		return nil, err
	}
	return append(claims, claim{"no policy ever errs", func(kind types.EntityType) (string, error) {
		for _, statement := range statements {
			if counterexample, err := p.ask(kind, statement.MarshalCedar(), "never-errors"); err != nil || counterexample != "" {
				return counterexample, err
			}
		}
		return "", nil
	}}), nil
}

// ask returns "" for what is proved, or else a request that disproves it.
func (p prover) ask(kind types.EntityType, stdin []byte, args ...string) (string, error) {
	request := []string{"symcc", "--counterexample", "--schema", p.schema, "--principal-type", string(kind), "--resource-type", "Order",
		"--action", types.NewEntityUID("Action", policy.Action).String()}
	cli := exec.Command(p.cli, append(request, args...)...) //nolint:gosec // the developer's own command line
	cli.Stdin = bytes.NewReader(stdin)
	out, err := cli.CombinedOutput()
	// It exits with 0 in both cases.
	verdict, counterexample, _ := strings.Cut(string(out), "\n")
	switch {
	case err != nil:
	case strings.HasSuffix(verdict, ": VERIFIED"):
		return "", nil
	case strings.HasSuffix(verdict, ": DOES NOT HOLD"):
		return cmp.Or(counterexample, verdict), nil
	}
	return "", fmt.Errorf("%s: no verdict: %w\n%s", cli, cmp.Or(err, io.EOF), out)
}
