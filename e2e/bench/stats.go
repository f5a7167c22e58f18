package main

import (
	"iter"
	"math"
	"math/rand/v2"
	"slices"
)

// figure is what a sample of one measure comes down to, with 95 % confidence
// intervals by the bootstrap (percentile method).
type figure struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	// P50CI, P95CI and P99CI are the intervals' ends.
	P50CI [2]float64 `json:"p50ci"`
	P95CI [2]float64 `json:"p95ci"`
	P99CI [2]float64 `json:"p99ci"`
}

// resamples is how often a sample is drawn anew.
const resamples = 1000

func summarize(sample []float64) figure {
	f := figure{N: len(sample), P50: quantile(sample, .5), P95: quantile(sample, .95), P99: quantile(sample, .99)}
	var p50, p95, p99 []float64
	for drawn := range draws(sample) {
		p50, p95, p99 = append(p50, quantile(drawn, .5)), append(p95, quantile(drawn, .95)), append(p99, quantile(drawn, .99))
	}
	f.P50CI, f.P95CI, f.P99CI = interval(p50), interval(p95), interval(p99)
	return f
}

// ratio is the ratio of two samples' medians, with its interval.
func ratio(above, below []float64) (value float64, ci [2]float64) {
	var drawn []float64
	next, stop := iter.Pull(draws(below))
	defer stop()
	for a := range draws(above) {
		b, _ := next()
		drawn = append(drawn, quantile(a, .5)/quantile(b, .5))
	}
	return quantile(above, .5) / quantile(below, .5), interval(drawn)
}

// draws yields samples of the same size, drawn from the sample with
// replacement. A large sample is thinned first: an interval needs no more.
func draws(sample []float64) iter.Seq[[]float64] {
	if most := 2000; len(sample) > most {
		thinned := make([]float64, most)
		for i := range thinned {
			thinned[i] = sample[i*len(sample)/most]
		}
		sample = thinned
	}
	random := rand.New(rand.NewPCG(1, uint64(len(sample))))
	return func(yield func([]float64) bool) {
		drawn := make([]float64, len(sample))
		for range resamples {
			for i := range drawn {
				drawn[i] = sample[random.IntN(len(sample))]
			}
			if !yield(drawn) {
				return
			}
		}
	}
}

func interval(values []float64) [2]float64 {
	return [2]float64{quantile(values, .025), quantile(values, .975)}
}

// quantile is the value below which the fraction of the sample lies, by linear
// interpolation; NaN for no sample. It leaves the sample as it is.
func quantile(sample []float64, fraction float64) float64 {
	if len(sample) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(sample))
	at := fraction * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}
