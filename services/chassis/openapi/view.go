package openapi

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// What the page shows. Schemas and examples are shown as the document has them.
type (
	shown struct {
		Title, Version, Description string
		Operations, Webhooks        []operation
		Schemas                     []named
	}
	operation struct {
		ID, Method, Path, Summary, Description string
		Parameters                             []parameter
		Body                                   []content
		Answers                                []answered
	}
	parameter struct {
		Name, In, Description string
		Required              bool
	}
	answered struct {
		Status, Description string
		Headers             []string
		Content             []content
	}
	content struct {
		Type, Schema string // Schema is the name of one of the document's, or ""
		Inline       string
		Examples     []named
	}
	named struct{ Name, Text string }
)

var methods = map[string]bool{"get": true, "put": true, "post": true, "delete": true, "patch": true}

// document finds what a $ref names.
type document struct{ root *yaml.Node }

func view(root *yaml.Node) (shown, error) {
	d := document{root}
	info := get(root, "info")
	s := shown{Title: text(info, "title"), Version: text(info, "version"), Description: text(info, "description")}
	var err error
	if s.Operations, err = d.operations(get(root, "paths")); err != nil {
		return s, err
	}
	if s.Webhooks, err = d.operations(get(root, "webhooks")); err != nil {
		return s, err
	}
	for name, schema := range pairs(get(get(root, "components"), "schemas")) {
		s.Schemas = append(s.Schemas, named{name, source(schema)})
	}
	return s, nil
}

func (d document) operations(paths *yaml.Node) ([]operation, error) {
	var all []operation
	for path, item := range pairs(paths) {
		for method, node := range pairs(item) {
			if !methods[method] {
				continue
			}
			o := operation{
				ID: text(node, "operationId"), Method: strings.ToUpper(method), Path: path,
				Summary: text(node, "summary"), Description: text(node, "description"),
			}
			for _, list := range []*yaml.Node{get(item, "parameters"), get(node, "parameters")} {
				if list == nil {
					continue
				}
				for _, p := range list.Content {
					p, err := d.resolve(p)
					if err != nil {
						return nil, err
					}
					o.Parameters = append(o.Parameters, parameter{text(p, "name"), text(p, "in"), text(p, "description"), text(p, "required") == "true"})
				}
			}
			o.Body = contents(get(node, "requestBody"))
			for status, response := range pairs(get(node, "responses")) {
				response, err := d.resolve(response)
				if err != nil {
					return nil, err
				}
				a := answered{Status: status, Description: text(response, "description"), Content: contents(response)}
				for name := range pairs(get(response, "headers")) {
					a.Headers = append(a.Headers, name)
				}
				o.Answers = append(o.Answers, a)
			}
			all = append(all, o)
		}
	}
	return all, nil
}

func contents(node *yaml.Node) []content {
	var all []content
	for kind, media := range pairs(get(node, "content")) {
		c := content{Type: kind}
		schema := get(media, "schema")
		if ref := text(schema, "$ref"); ref != "" {
			c.Schema = strings.TrimPrefix(ref, "#/components/schemas/")
		} else {
			c.Inline = source(schema)
		}
		if example := get(media, "example"); example != nil {
			c.Examples = append(c.Examples, named{"example", source(example)})
		}
		for name, example := range pairs(get(media, "examples")) {
			c.Examples = append(c.Examples, named{name, source(get(example, "value"))})
		}
		all = append(all, c)
	}
	return all
}

// resolve is what a node's $ref names, or the node.
func (d document) resolve(node *yaml.Node) (*yaml.Node, error) {
	ref := text(node, "$ref")
	if ref == "" {
		return node, nil
	}
	at := d.root
	for step := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at = get(at, step)
	}
	if at == nil {
		return nil, fmt.Errorf("the OpenAPI document has no %s", ref)
	}
	return at, nil
}

// pairs are the names and values of a mapping, in the order of the document.
func pairs(node *yaml.Node) func(yield func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		if node == nil || node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i].Value, node.Content[i+1]) {
				return
			}
		}
	}
}

func get(node *yaml.Node, name string) *yaml.Node {
	for key, value := range pairs(node) {
		if key == name {
			return value
		}
	}
	return nil
}

func text(node *yaml.Node, name string) string {
	if value := get(node, name); value != nil {
		return value.Value
	}
	return ""
}

// source is a part of the document as it could have been written.
func source(node *yaml.Node) string {
	if node == nil {
		return ""
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(block(node)); err != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}

// block is a copy of a node with one field a line, however short the document has it.
func block(node *yaml.Node) *yaml.Node {
	c := *node
	if len(c.Content) > 0 {
		c.Style &^= yaml.FlowStyle
	}
	c.Content = make([]*yaml.Node, len(node.Content))
	for i, child := range node.Content {
		c.Content[i] = block(child)
	}
	return &c
}
