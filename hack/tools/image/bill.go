package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"time"
)

// SPDX 2.3, as far as a Go program needs it.
type spdxDocument struct {
	Version       string             `json:"spdxVersion"`
	License       string             `json:"dataLicense"`
	ID            string             `json:"SPDXID"`
	Name          string             `json:"name"`
	Namespace     string             `json:"documentNamespace"`
	Creation      spdxCreation       `json:"creationInfo"`
	Packages      []spdxPackage      `json:"packages"`
	Relationships []spdxRelationship `json:"relationships"`
}

type spdxCreation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	ID               string          `json:"SPDXID"`
	Name             string          `json:"name"`
	Version          string          `json:"versionInfo"`
	DownloadLocation string          `json:"downloadLocation"`
	FilesAnalyzed    bool            `json:"filesAnalyzed"`
	References       []spdxReference `json:"externalRefs"`
	Checksums        []spdxChecksum  `json:"checksums,omitempty"`
}

type spdxReference struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type spdxChecksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type spdxRelationship struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
}

// bill lists the modules that a program says it was built from, and Go itself.
func (s *source) bill(binary string) ([]byte, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, fmt.Errorf("what %s is made of: %w", binary, err)
	}
	raw, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	digest := hex.EncodeToString(sum[:])
	product := spdxModule(0, info.Main.Path, s.version)
	product.Checksums = []spdxChecksum{{"SHA256", digest}}
	doc := spdxDocument{
		Version: "SPDX-2.3", License: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: "capa-apiserver " + s.version,
		Namespace: "https://github.com/capa-apiserver/capa-apiserver/spdx/" + digest,
		Creation:  spdxCreation{s.date.Format(time.RFC3339), []string{"Tool: capa-apiserver-image"}},
		Packages:  []spdxPackage{product}, Relationships: []spdxRelationship{{"SPDXRef-DOCUMENT", "DESCRIBES", product.ID}},
	}
	for _, module := range append([]*debug.Module{{Path: "stdlib", Version: info.GoVersion}}, info.Deps...) {
		if module.Replace != nil {
			module = module.Replace
		}
		p := spdxModule(len(doc.Packages), module.Path, module.Version)
		doc.Packages = append(doc.Packages, p)
		doc.Relationships = append(doc.Relationships, spdxRelationship{product.ID, "DEPENDS_ON", p.ID})
	}
	return json.MarshalIndent(doc, "", " ")
}

func spdxModule(number int, path, version string) spdxPackage {
	return spdxPackage{ID: fmt.Sprintf("SPDXRef-Package-%d", number), Name: path, Version: version, DownloadLocation: "NOASSERTION",
		References: []spdxReference{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + version}}}
}
