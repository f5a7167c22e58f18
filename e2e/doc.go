// Package e2e checks the broker on real parts: SAM CLI and Docker, Lambda's Runtime Interface Emulator, moto's Secrets
// Manager and a browser. It is a module of its own, so that what only these checks need stays out of the product's
// go.mod. `make verify` installs the parts and runs it; package rig starts them.
package e2e
