// Package audit pins the judge of Go modules: its go.mod lists it as a tool.
package audit
