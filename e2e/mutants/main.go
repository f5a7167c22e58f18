// Command mutants breaks the conditions of packages one at a time and looks
// whether a test notices. `make mutants` runs it.
//
//	go run ./mutants [-C root] [-workers n] [-least 95] [-slow tests] package...
//
// A mutant forces a condition to be true or false, drops one operand of && or
// ||, turns a comparison round or moves its boundary, or takes a ! away, in if,
// for and case clauses, in returned and in assigned expressions. All mutants of
// a package are built into one test binary, by `go test -overlay`, so that the
// working tree is never touched; an environment variable chooses one, and the
// package's own tests run against it. It prints the survivors and ends with
// status 1 when fewer than -least percent are killed.
//
// Tools that choose mutants by coverage leave out the conditions of a switch's
// cases, since Go's coverage does not count them; here those are most of the
// decisions.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"
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
	killed, total := 0, 0
	for _, pkg := range packages {
		binary, mutants, err := build(root, pkg, dir, files)
		if err != nil {
			return 0, err
		}
		// A test that fails by itself would kill every mutant.
		if !binary.passes(0, slow) {
			return 0, fmt.Errorf("%s: its tests fail without a mutant", pkg)
		}
		alive := survivors(binary, mutants, workers, slow)
		for _, m := range alive {
			fmt.Printf("survived %s\n", m)
		}
		fmt.Printf("%s: %d of %d mutants killed\n", pkg, len(mutants)-len(alive), len(mutants))
		killed, total = killed+len(mutants)-len(alive), total+len(mutants)
	}
	if total == 0 {
		return 0, errors.New("there is nothing to break")
	}
	percent := 100 * float64(killed) / float64(total)
	fmt.Printf("%d mutants: %d killed, %d survived (%.1f %% killed)\n", total, killed, total-killed, percent)
	return percent, nil
}

// survivors runs the tests against each mutant and returns those that no test
// notices.
func survivors(binary testBinary, mutants []mutant, workers int, slow string) []mutant {
	lives := make([]bool, len(mutants))
	queue := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for n := range queue {
				if lives[n] = binary.passes(n+1, slow); lives[n] {
					fmt.Fprintf(os.Stderr, "%d of %d lives: %s\n", n+1, len(mutants), mutants[n])
				}
			}
		})
	}
	for n := range mutants {
		queue <- n
	}
	close(queue)
	wg.Wait()
	var alive []mutant
	for n, m := range mutants {
		if lives[n] {
			alive = append(alive, m)
		}
	}
	return alive
}
