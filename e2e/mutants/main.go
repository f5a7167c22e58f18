// Command mutants breaks the conditions of the given packages one at a time and
// looks whether a test notices. `make mutants` runs it.
//
//	go run ./mutants [-C root] [-workers 2] [-least 95] [-slow tests] package...
//
// A mutant forces a condition to be true or false, drops one operand of && or
// ||, turns a comparison round or moves its boundary, or takes a ! away, in if,
// for and case clauses, in returned and in assigned expressions. Every package's
// own tests run against each of its mutants, by `go test -overlay`, so that the
// working tree is never touched. It prints the survivors and ends with status 1
// when fewer than -least percent are killed.
//
// Tools that choose mutants by coverage leave out the conditions of a switch's
// cases, since Go's coverage does not count them; here those are most of the
// decisions.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	root := flag.String("C", "..", "the module's root")
	workers := flag.Int("workers", 2, "mutants under test at once")
	least := flag.Float64("least", 95, "percentage of mutants that have to be killed")
	files := flag.String("files", ".", "regular expression of the files to break")
	slow := flag.String("slow", "^$", "regular expression of tests that run only when the others let a mutant live")
	flag.Parse()
	killed, err := run(*root, *workers, regexp.MustCompile(*files), *slow, flag.Args())
	if err == nil && killed < *least {
		err = fmt.Errorf("%.1f %% of the mutants are killed, fewer than %.1f %%", killed, *least)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// run returns the percentage of mutants that were killed.
func run(root string, workers int, files *regexp.Regexp, slow string, packages []string) (float64, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	var all []mutant
	for _, pkg := range packages {
		found, err := mutantsOf(filepath.Join(root, pkg), files)
		if err != nil {
			return 0, err
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		return 0, errors.New("there is nothing to break")
	}
	var killed, survived, broken atomic.Int64
	queue := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for n := range queue {
				m := all[n]
				switch m.test(root, filepath.Join(dir, fmt.Sprint(n)), slow) {
				case dead:
					killed.Add(1)
				case alive:
					survived.Add(1)
					fmt.Printf("survived %s\n", m.describe(root))
				case unbuildable:
					broken.Add(1)
				}
				if done := killed.Load() + survived.Load() + broken.Load(); done%50 == 0 {
					fmt.Fprintf(os.Stderr, "%d of %d\n", done, len(all))
				}
			}
		})
	}
	for n := range all {
		queue <- n
	}
	close(queue)
	wg.Wait()
	total := killed.Load() + survived.Load()
	if total == 0 {
		return 0, errors.New("no mutant could be built")
	}
	percent := 100 * float64(killed.Load()) / float64(total)
	fmt.Printf("%d mutants: %d killed, %d survived (%.1f %% killed); %d more do not compile\n",
		total, killed.Load(), survived.Load(), percent, broken.Load())
	return percent, nil
}

type outcome int

const (
	dead outcome = iota
	alive
	unbuildable
)

// patience bounds the tests of one mutant: an endless loop is noticed too.
const patience = 2 * time.Minute

// test builds the package's tests with the mutant in place and runs them.
func (m mutant) test(root, dir, slow string) outcome {
	if err := os.Mkdir(dir, 0o700); err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	source := filepath.Join(dir, "mutant.go")
	if err := os.WriteFile(source, m.text, 0o600); err != nil {
		panic(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {m.file: source}})
	if err != nil {
		panic(err)
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		panic(err)
	}
	binary := filepath.Join(dir, "test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-w", "-overlay", overlayFile, "-o", binary, "./"+strings.TrimPrefix(filepath.Dir(m.file), root+"/"))
	build.Dir = root
	if build.Run() != nil {
		return unbuildable
	}
	for _, which := range []string{"-test.skip", "-test.run"} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		test := exec.CommandContext(ctx, binary, "-test.failfast", which, slow, "-test.timeout", patience.String())
		test.Dir = filepath.Dir(m.file)
		err := test.Run()
		cancel()
		if err != nil {
			return dead
		}
	}
	return alive
}
