// Command importrules fails when a package of a module imports what a file of rules does not allow, and names the
// package, the import and the rule.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	rulesFile := flag.String("rules", "../import-rules.yaml", "file that says who may import whom")
	module := flag.String("module", "../..", "folder of the module to check")
	flag.Parse()
	if err := run(*rulesFile, *module); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(rulesFile, module string) error {
	rules, err := LoadRules(rulesFile)
	if err != nil {
		return err
	}
	graph, err := LoadGraph(module)
	if err != nil {
		return err
	}
	breaches := Check(rules, graph)
	for _, breach := range breaches {
		fmt.Println(breach)
	}
	if len(breaches) > 0 {
		return fmt.Errorf("%d import(s) break %s: move the code, or change the rule and say why", len(breaches), rulesFile)
	}
	return nil
}
