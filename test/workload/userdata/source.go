// Package userdata reads user data and bootstrap data as cloud-init and Ignition do, as far as kubeadm needs it.
package userdata

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Source says where user data has the bootstrap data fetched. With neither field set the user data itself is it.
type Source struct {
	// URL is what Ignition takes in, with the scheme s3 or https.
	URL string
	// Secrets are the names of the secrets that hold the parts, in order; those of parameters begin with a slash.
	Secrets []string
}

// SourceOf reads user data.
func SourceOf(text []byte) (Source, error) {
	switch {
	case isMessage(text):
		return sourceOfMessage(text)
	case bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")):
		return sourceOfIgnition(text)
	}
	return Source{}, nil
}

// sourceOfMessage reads the boot hook of a MIME message. One for nodeadm is the data itself.
func sourceOfMessage(text []byte) (Source, error) {
	all, err := parts(text)
	if err != nil {
		return Source{}, err
	}
	for _, p := range all {
		switch p.kind {
		case nodeConfigType:
			return Source{}, nil
		case "text/cloud-boothook":
			return sourceOfScript(string(p.content))
		}
	}
	return Source{}, errors.New("user data without a boot hook and without a configuration of nodeadm")
}

var (
	prefixLine = regexp.MustCompile(`(?m)^prefix='([^']+)'$`)
	lastLine   = regexp.MustCompile(`(?m)^last=(\d+)$`)
)

func sourceOfScript(script string) (Source, error) {
	prefix, last := prefixLine.FindStringSubmatch(script), lastLine.FindStringSubmatch(script)
	if prefix == nil || last == nil {
		return Source{}, fmt.Errorf("the boot hook names no secrets:\n%s", script)
	}
	separator := "-"
	if strings.HasPrefix(prefix[1], "/") {
		separator = "/"
	}
	count, err := strconv.Atoi(last[1])
	if err != nil {
		return Source{}, err
	}
	var s Source
	for part := range count + 1 {
		s.Secrets = append(s.Secrets, prefix[1]+separator+strconv.Itoa(part))
	}
	return s, nil
}

func sourceOfIgnition(text []byte) (Source, error) {
	type resource struct {
		Source string `json:"source"`
	}
	var config struct {
		Ignition struct {
			Config struct {
				Append []resource `json:"append"`
				Merge  []resource `json:"merge"`
			} `json:"config"`
		} `json:"ignition"`
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return Source{}, fmt.Errorf("user data: %w", err)
	}
	for _, r := range append(config.Ignition.Config.Append, config.Ignition.Config.Merge...) {
		return Source{URL: r.Source}, nil
	}
	return Source{}, nil
}
