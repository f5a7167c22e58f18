// Package template checks template.yaml: by the linters, by SAM's own transform with every combination of parameters,
// against the code whose metrics the alarms read, and by making the stack in moto's CloudFormation.
package template
