// Package apipage shows an OpenAPI document as one page for people, without a
// script: what is asked, every answer with its examples, the schemas.
package apipage

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/goccy/go-yaml"
)

//go:embed page.html
var pageText string

//go:embed page.css
var style []byte

// document is the part of OpenAPI 3.1 that the page shows, in the document's
// own order.
type document struct {
	Info struct {
		Title, Version, Summary, Description string
	}
	Paths      yaml.MapSlice
	Components struct {
		SecuritySchemes map[string]struct {
			Type, Description string
		} `yaml:"securitySchemes"`
		Schemas yaml.MapSlice
	}
}

type operation struct {
	Method, Path         string
	Summary, Description string
	Parameters           []parameter
	RequestBody          content `yaml:"requestBody"`
	Responses            yaml.MapSlice
	Answers              []answer `yaml:"-"`
}

type parameter struct {
	Name, In, Description string
	Required              bool
}

type content struct {
	Description string
	Content     map[string]struct {
		Examples yaml.MapSlice
	}
}

type answer struct {
	Status, Description string
	Examples            []shown
}

// shown is an example as the page has it.
type shown struct {
	Name, Type, Summary, JSON string
}

type page struct {
	document
	Operations []operation
	Schemas    []shown
}

// New reads an OpenAPI document in YAML and returns the handler of its page (at
// /), its style sheet and the document itself (at /openapi.yaml).
func New(text []byte) (http.Handler, error) {
	p, err := read(text)
	if err != nil {
		return nil, fmt.Errorf("the API's description: %w", err)
	}
	functions := template.FuncMap{
		"class": func(status string) string { return "s" + status[:1] },
		"paragraphs": func(s string) []string {
			return strings.Split(strings.ReplaceAll(strings.TrimSpace(s), "`", ""), "\n\n")
		},
		"requests": func(o operation) ([]shown, error) { return examples(o.RequestBody) },
	}
	t, err := template.New("page").Funcs(functions).Parse(pageText)
	if err != nil {
		return nil, err
	}
	var html bytes.Buffer
	if err := t.Execute(&html, p); err != nil {
		return nil, err
	}
	serve := func(contentType string, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write(body) // a client that went away is no error of ours
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", serve("text/html; charset=utf-8", html.Bytes()))
	mux.HandleFunc("GET /page.css", serve("text/css; charset=utf-8", style))
	mux.HandleFunc("GET /openapi.yaml", serve("application/yaml", text))
	return mux, nil
}

func read(text []byte) (page, error) {
	var p page
	if err := yaml.UnmarshalWithOptions(text, &p.document, yaml.UseOrderedMap()); err != nil {
		return page{}, err
	}
	for _, path := range p.Paths {
		methods, _ := path.Value.(yaml.MapSlice)
		for _, method := range methods {
			o := operation{Method: strings.ToUpper(fmt.Sprint(method.Key)), Path: fmt.Sprint(path.Key)}
			if err := convert(method.Value, &o); err != nil {
				return page{}, err
			}
			for _, response := range o.Responses {
				var c content
				if err := convert(response.Value, &c); err != nil {
					return page{}, err
				}
				all, err := examples(c)
				if err != nil {
					return page{}, err
				}
				o.Answers = append(o.Answers, answer{Status: fmt.Sprint(response.Key), Description: c.Description, Examples: all})
			}
			p.Operations = append(p.Operations, o)
		}
	}
	for _, schema := range p.Components.Schemas {
		inJSON, err := indented(schema.Value)
		if err != nil {
			return page{}, err
		}
		p.Schemas = append(p.Schemas, shown{Name: fmt.Sprint(schema.Key), JSON: inJSON})
	}
	return p, nil
}

// examples are the examples of a body, problem documents before the gateway's
// own errors.
func examples(c content) ([]shown, error) {
	var all []shown
	for _, contentType := range []string{"application/problem+json", "application/json"} {
		for _, item := range c.Content[contentType].Examples {
			var example struct {
				Summary string
				Value   any
			}
			if err := convert(item.Value, &example); err != nil {
				return nil, err
			}
			inJSON, err := indented(example.Value)
			if err != nil {
				return nil, err
			}
			all = append(all, shown{Name: fmt.Sprint(item.Key), Type: contentType, Summary: example.Summary, JSON: inJSON})
		}
	}
	return all, nil
}

// convert reads a generic value as another type.
func convert(value, into any) error {
	text, err := yaml.Marshal(value)
	if err != nil {
		return err
	}
	return yaml.UnmarshalWithOptions(text, into, yaml.UseOrderedMap())
}

func indented(value any) (string, error) {
	text, err := yaml.Marshal(value)
	if err != nil {
		return "", err
	}
	if text, err = yaml.YAMLToJSON(text); err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = json.Indent(&out, bytes.TrimSpace(text), "", "  ")
	return out.String(), err
}
