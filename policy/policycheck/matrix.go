package policycheck

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// WriteMatrix writes a file's results as a table that a reviewer can read: a
// line a case, a column a role. A decision other than the expected one is
// marked with "!".
func WriteMatrix(w io.Writer, f File, results []Result) error {
	var roles []string
	for _, r := range results {
		if !slices.Contains(roles, r.Role) {
			roles = append(roles, r.Role)
		}
	}
	slices.Sort(roles)
	if _, err := fmt.Fprintln(w, f.Policy); err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "who\tas\twhen\t%s\n", strings.Join(roles, "\t"))
	for _, c := range f.Cases {
		var cells []string
		for _, role := range roles {
			cells = append(cells, cell(c, role, results))
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", c.Who, c.As, c.when(), strings.Join(cells, "\t"))
	}
	return table.Flush()
}

// cell is what was decided, or "." where the table expects nothing.
func cell(c Case, role string, results []Result) string {
	i := slices.IndexFunc(results, func(r Result) bool { return r.Role == role && r.Case.same(c) })
	if i < 0 {
		return "."
	}
	text := "no"
	if results[i].Decision.Allowed {
		text = "yes"
	}
	if !results[i].OK() {
		text += " !"
	}
	return text
}

// same reports whether two cases are one: each tells its own caller.
func (c Case) same(other Case) bool {
	return c.Who == other.Who && c.As == other.As && c.when() == other.when()
}

// when is what else the case fixes.
func (c Case) when() string {
	var parts []string
	for _, part := range []struct{ word, value string }{{"from", c.From}, {"at", c.At}, {"account", c.Account}, {"order", c.Order}} {
		if part.value != "" {
			parts = append(parts, part.word+" "+part.value)
		}
	}
	return strings.Join(parts, ", ")
}
