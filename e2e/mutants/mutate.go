package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// mutant is one way in which one condition is broken.
type mutant struct {
	file    string
	line    int
	was, is string
}

// String tells where and how.
func (m mutant) String() string {
	return fmt.Sprintf("%s:%d: %s -> %s", m.file, m.line, oneLine(m.was), oneLine(m.is))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// mutate returns a file's text with all of its mutants in it, each taken when
// chosenMutant is its number, and the mutants, numbered from after+1.
func mutate(name string, text []byte, after int) (string, []mutant, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
	if err != nil {
		return "", nil, err
	}
	m := &mutator{text: string(text), base: set.File(file.Pos()).Base()}
	ast.Inspect(file, m.visit)
	// Outer expressions first, so that each finds its inner ones after itself.
	slices.SortFunc(m.spots, func(a, b *spot) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return b.to - a.to
	})
	var mutants []mutant
	for _, s := range m.spots {
		s.first = after + len(mutants) + 1
		for _, is := range s.broken {
			mutants = append(mutants, mutant{name, 1 + strings.Count(m.text[:s.from], "\n"), m.text[s.from:s.to], is})
		}
	}
	return m.render(0, len(m.text), m.spots), mutants, nil
}

// spot is an expression of type bool and the ways in which it is broken.
type spot struct {
	from, to int
	broken   []string
	first    int // the first one's number
}

type mutator struct {
	text  string
	base  int
	spots []*spot
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
			m.add(n.Cond, "("+m.source(n.Cond)+") && false")
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
			m.add(n, m.source(n.X))
		}
	}
	return true
}

// force makes a condition hold always and never. It is still evaluated: what
// it calls is called.
func (m *mutator) force(condition ast.Expr) {
	if m.whole == nil {
		m.whole = map[ast.Expr]bool{}
	}
	m.whole[condition] = true
	m.add(condition, "("+m.source(condition)+") || true")
	m.add(condition, "("+m.source(condition)+") && false")
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
			m.add(n, "(("+x+")"+drop+") "+n.Op.String()+" ("+y+")")
		}
		m.add(n, "("+x+") "+n.Op.String()+" (("+y+")"+drop+")")
	}
	if other, ok := turned[n.Op]; ok && !m.whole[n] {
		m.add(n, x+" "+other.String()+" "+y)
	}
	if other, ok := moved[n.Op]; ok {
		m.add(n, x+" "+other.String()+" "+y)
	}
}

func (m *mutator) source(n ast.Node) string {
	return m.text[int(n.Pos())-m.base : int(n.End())-m.base]
}

// add notes one way to break n.
func (m *mutator) add(n ast.Node, is string) {
	from, to := int(n.Pos())-m.base, int(n.End())-m.base
	for _, s := range m.spots {
		if s.from == from && s.to == to {
			if !slices.Contains(s.broken, is) {
				s.broken = append(s.broken, is)
			}
			return
		}
	}
	m.spots = append(m.spots, &spot{from: from, to: to, broken: []string{is}})
}

// render returns the text from from to to, with every spot in it wrapped: the
// chosen mutant's expression, or else the original's.
func (m *mutator) render(from, to int, spots []*spot) string {
	var out strings.Builder
	at := from
	for i, s := range spots {
		if s.from < at || s.to > to {
			continue // inside one that is done, or outside
		}
		out.WriteString(m.text[at:s.from])
		out.WriteString("func() bool { switch chosenMutant { ")
		for n, is := range s.broken {
			fmt.Fprintf(&out, "case %d: return %s; ", s.first+n, oneLine(is))
		}
		out.WriteString("}; return " + m.render(s.from, s.to, spots[i+1:]) + " }()")
		at = s.to
	}
	out.WriteString(m.text[at:to])
	return out.String()
}
