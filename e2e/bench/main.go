// Command bench drives built functions as Lambda does and says how long they
// take: the broker, a plain version of it, the least that a function in Go can
// be, and the same work in other languages where their tools are present.
//
//	make bench          a few minutes: tells the bars and prints the tables
//	make bench FULL=1   half an hour: writes docs/performance.md, .json and .svg
//
// Subjects are interleaved, so that what disturbs the machine disturbs all of
// them: read the ratios, not the milliseconds.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	full := flag.Bool("full", false, "measure everything, with at least 50 starts of each, and write the report")
	only := flag.String("only", "", "comma-separated names of the parts to measure, instead of all")
	docs := flag.String("docs", "", "directory of the report, relative to root; docs for all parts in full, and else none")
	root := flag.String("root", ".", "the project's directory")
	bootstrap := flag.String("bootstrap", "build/bootstrap", "the broker's bootstrap, relative to root")
	before := flag.String("before", "", "another bootstrap of the broker, relative to root, to measure beside it")
	look := flag.String("subjects", "", "comma-separated subjects to measure, instead of a part's own")
	starts := flag.Int("starts", 0, "starts of each, instead of a part's own number")
	warm := flag.Int("warm", -1, "warm calls of each process, instead of a part's own number")
	flag.Parse()
	change := func(p *part) {
		if *look != "" {
			p.subjects = strings.Split(*look, ",")
		}
		if *before != "" {
			p.subjects = append(p.subjects, earlier)
		}
		if *starts > 0 {
			p.condition.Starts = *starts
		}
		if *warm >= 0 {
			p.condition.Warm = *warm
		}
	}
	if *docs == "" && *full && *only == "" {
		*docs = "docs"
	}
	if err := bench(*root, *bootstrap, *before, *docs, *full, *only, change); err != nil {
		log.Fatal(err)
	}
}

// bench measures and reports; change is applied to every part before it.
func bench(root, bootstrap, before, docs string, full bool, only string, change func(*part)) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	m, err := newMeter(root, filepath.Join(root, bootstrap), dir)
	if err != nil {
		return err
	}
	defer m.close()
	if before != "" {
		if err := m.addEarlier(filepath.Join(root, before)); err != nil {
			return err
		}
	}

	r := newResults(m)
	// What was found is written after every part: half an hour may be cut short.
	keep := func() error {
		r.SharesRefused = m.sharesRefused
		r.judge()
		if docs == "" {
			return nil
		}
		return r.write(filepath.Join(root, docs))
	}
	wanted := func(name string) bool {
		return only == "" || strings.Contains(","+only+",", ","+name+",")
	}
	for _, p := range plan(full, m) {
		if !wanted(p.condition.Name) {
			continue
		}
		change(&p)
		began := time.Now()
		samples, err := m.measure(p.condition, p.subjects...)
		if err != nil {
			return err
		}
		r.add(p.condition, samples)
		if err := keep(); err != nil {
			return err
		}
		log.Printf("%-12s %3d starts of %s in %v", p.condition.Name, p.condition.Starts, strings.Join(p.subjects, ", "), time.Since(began).Round(time.Second))
	}
	for _, g := range growths {
		if !wanted(g.name) {
			continue
		}
		began := time.Now()
		if err := g.measure(m, r, full); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
		if err := keep(); err != nil {
			return err
		}
		log.Printf("%-12s in %v", g.name, time.Since(began).Round(time.Second))
	}
	fmt.Print(r.markdown())
	return nil
}
