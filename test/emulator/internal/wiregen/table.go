package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"strings"
)

// table is the content of a wire.json; internal/wire documents the notation of names.
type table struct {
	Module     string                       `json:"module"`
	Operations []string                     `json:"operations"`
	In         map[string]map[string]string `json:"in"`
	Out        map[string]map[string]string `json:"out"`
}

func render(folder serviceFolder) ([]byte, error) {
	dir, err := moduleDir(folder.module)
	if err != nil {
		return nil, err
	}
	writers, err := parseSDK(dir, "serializers.go")
	if err != nil {
		return nil, err
	}
	readers, err := parseSDK(dir, "deserializers.go")
	if err != nil {
		return nil, err
	}
	protocol, err := protocolOf(writers)
	if err != nil {
		return nil, err
	}
	out := table{Module: folder.module, Operations: folder.operations}
	in := walk{file: writers, read: serializer, join: formName}
	answers := walk{file: readers, read: deserializer, join: xmlName}
	for _, operation := range folder.operations {
		// An operation without parameters, or without an answer, has no function of its own.
		if name, ok := writers.find(protocol, "_serializeOpDocument"+operation+"Input"); ok {
			in.queue = append(in.queue, name)
		}
		if name, ok := readers.find(protocol, "_deserializeOpDocument"+operation+"Output"); ok {
			answers.queue = append(answers.queue, name)
		}
	}
	if out.In, err = in.run(); err != nil {
		return nil, err
	}
	if out.Out, err = answers.run(); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(out, "", " ")
	return append(text, '\n'), err
}

// protocolOf is the prefix of the SDK's codec functions; only the two query protocols are told by name.
func protocolOf(file sdkFile) (string, error) {
	for name := range file.functions {
		prefix, _, ok := strings.Cut(name, "_serialize")
		if ok && (prefix == "awsEc2query" || prefix == "awsAwsquery") {
			return prefix, nil
		}
	}
	return "", fmt.Errorf("the SDK module speaks neither ec2query nor awsquery; such a service needs no wire.json")
}

// walk follows codec functions from the operations to every struct they reach.
type walk struct {
	file  sdkFile
	read  func(*ast.FuncDecl) (*codec, error)
	join  func(name string, flat bool, list *codec) string
	queue []string
}

func (w *walk) run() (map[string]map[string]string, error) {
	seen := map[string]*codec{}
	for len(w.queue) > 0 {
		name := strings.TrimSuffix(w.queue[0], "Unwrapped")
		w.queue = w.queue[1:]
		if seen[name] != nil {
			continue
		}
		function, ok := w.file.functions[name]
		if !ok {
			return nil, fmt.Errorf("the SDK calls %s but doesn't declare it", name)
		}
		parsed, err := w.read(function)
		if err != nil {
			return nil, err
		}
		seen[name] = parsed
		w.queue = append(w.queue, parsed.next...)
	}
	return w.resolve(seen)
}

func (w *walk) resolve(seen map[string]*codec) (map[string]map[string]string, error) {
	out, from := map[string]map[string]string{}, map[string]string{}
	for function, parsed := range seen {
		if parsed.goType == "" {
			continue
		}
		if other, taken := from[parsed.goType]; taken {
			return nil, fmt.Errorf("%s and %s both describe Go type %s", other, function, parsed.goType)
		}
		from[parsed.goType] = function
		names := map[string]string{}
		for field, name := range parsed.fields {
			list := seen[strings.TrimSuffix(parsed.calls[field], "Unwrapped")]
			switch {
			case list != nil && list.kind == "map":
				continue // none of the emulated operations needs a map; internal/wire has no notation for one
			case list != nil && list.kind == "struct":
				list = nil
			}
			names[field] = w.join(name, parsed.flat[field], list)
		}
		out[parsed.goType] = names
	}
	return out, nil
}

// formName writes a list's parameter prefix: "Name" for Name.1, "Name.member" for Name.member.1.
func formName(name string, flat bool, list *codec) string {
	if list == nil || flat || list.member == "" {
		return name
	}
	return name + "." + list.member
}

// xmlName writes a list's elements: "name>item" for wrapped ones, "name" for ones that stand directly in the parent.
func xmlName(name string, flat bool, list *codec) string {
	if list == nil || flat || list.member == "" {
		return name
	}
	return name + ">" + list.member
}
