// Package e2e tests the broker with real parts: SAM CLI and Docker, Lambda's Runtime Interface Emulator, moto's Secrets
// Manager and a browser. It is a separate module, so that the product's go.mod has none of their dependencies. Package
// rig starts the parts, `make verify` installs them and runs the tests.
package e2e
