package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// mutant is a file with one condition broken.
type mutant struct {
	file string // the file that it stands in for
	text []byte // the whole file, broken
	line int
	was  string
	is   string
}

func (m mutant) describe(root string) string {
	return fmt.Sprintf("%s:%d: %s -> %s", strings.TrimPrefix(m.file, root+"/"), m.line, oneLine(m.was), oneLine(m.is))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// mutantsOf returns every mutant of the package's files that match.
func mutantsOf(dir string, files *regexp.Regexp) ([]mutant, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var all []mutant
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || !files.MatchString(filepath.Base(name)) {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		found, err := mutate(name, text)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// mutate returns the mutants of one file.
func mutate(name string, text []byte) ([]mutant, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	m := &mutator{name: name, text: text, set: set}
	ast.Inspect(file, m.visit)
	return m.all, nil
}

type mutator struct {
	name string
	text []byte
	set  *token.FileSet
	all  []mutant
	seen map[string]bool
	// whole are comparisons that are a condition by themselves: forced, they
	// need not be turned round as well.
	whole map[ast.Expr]bool
}

func (m *mutator) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		m.force(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			m.replace(n.Cond, "("+m.source(n.Cond)+") && false")
		}
	case *ast.SwitchStmt:
		if n.Tag == nil {
			for _, clause := range n.Body.List {
				for _, condition := range clause.(*ast.CaseClause).List {
					m.force(condition)
				}
			}
		}
	case *ast.BinaryExpr:
		m.binary(n)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			m.replace(n, "("+m.source(n.X)+")")
		}
	}
	return true
}

// force makes a condition hold always and never. The condition stays in the
// text, so that what it uses is still used.
func (m *mutator) force(condition ast.Expr) {
	if m.whole == nil {
		m.whole = map[ast.Expr]bool{}
	}
	m.whole[condition] = true
	m.replace(condition, "("+m.source(condition)+") || true")
	m.replace(condition, "("+m.source(condition)+") && false")
}

// turned is each comparison the other way round, moved its boundary.
var (
	turned = map[token.Token]token.Token{token.EQL: token.NEQ, token.NEQ: token.EQL, token.LSS: token.GEQ, token.GEQ: token.LSS, token.GTR: token.LEQ, token.LEQ: token.GTR}
	moved  = map[token.Token]token.Token{token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR}
)

func (m *mutator) binary(n *ast.BinaryExpr) {
	x, y := m.source(n.X), m.source(n.Y)
	dropped := map[token.Token]string{token.LAND: " || true", token.LOR: " && false"}
	if drop, ok := dropped[n.Op]; ok {
		// a && b && c is (a && b) && c: each of the three is dropped once.
		if left, chain := n.X.(*ast.BinaryExpr); !chain || left.Op != n.Op {
			m.replace(n, "(("+x+")"+drop+") "+n.Op.String()+" ("+y+")")
		}
		m.replace(n, "("+x+") "+n.Op.String()+" (("+y+")"+drop+")")
	}
	if other, ok := turned[n.Op]; ok && !m.whole[n] {
		m.replace(n, x+" "+other.String()+" "+y)
	}
	if other, ok := moved[n.Op]; ok {
		m.replace(n, x+" "+other.String()+" "+y)
	}
}

func (m *mutator) source(n ast.Node) string {
	return string(m.text[m.set.Position(n.Pos()).Offset:m.set.Position(n.End()).Offset])
}

// replace adds the mutant in which n reads otherwise.
func (m *mutator) replace(n ast.Node, with string) {
	from, to := m.set.Position(n.Pos()), m.set.Position(n.End())
	var text bytes.Buffer
	text.Write(m.text[:from.Offset])
	text.WriteString(with)
	text.Write(m.text[to.Offset:])
	if m.seen == nil {
		m.seen = map[string]bool{}
	}
	if m.seen[text.String()] {
		return
	}
	m.seen[text.String()] = true
	m.all = append(m.all, mutant{file: m.name, text: text.Bytes(), line: from.Line, was: m.source(n), is: with})
}
