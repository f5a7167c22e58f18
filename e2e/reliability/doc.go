// Package reliability holds the built bootstrap to what the contract promises
// when things fail: every fault on the way to Atlas and to Secrets Manager, a
// secret that is rotated under load, freezes between calls, and hours of calls.
package reliability
