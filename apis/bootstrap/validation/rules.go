// Package validation has the rules of the group bootstrap.cluster.x-k8s.io; see
// package apis/validation.
package validation

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/capa-apiserver/capa-apiserver/apis/bootstrap/install"
	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
)

var (
	specPath         = field.NewPath("spec")
	templateSpecPath = field.NewPath("spec", "template", "spec")
)

// Rules are the rules of all kinds of the group.
var Rules = validation.NewTable(install.Group,
	validation.Own[*bootstrapv1.NodeadmConfig]{
		Create:   func(c *bootstrapv1.NodeadmConfig) field.ErrorList { return validateNodeadm(&c.Spec, specPath) },
		Warnings: func(c *bootstrapv1.NodeadmConfig) []string { return nodeadmWarnings(&c.Spec, specPath) },
	},
	validation.Own[*bootstrapv1.NodeadmConfigTemplate]{
		Create: func(t *bootstrapv1.NodeadmConfigTemplate) field.ErrorList {
			return validateNodeadm(&t.Spec.Template.Spec, templateSpecPath)
		},
		Warnings: func(t *bootstrapv1.NodeadmConfigTemplate) []string {
			return nodeadmWarnings(&t.Spec.Template.Spec, templateSpecPath)
		},
	},
	validation.Own[*bootstrapv1.EKSConfig]{
		Create:   func(c *bootstrapv1.EKSConfig) field.ErrorList { return validateEKS(&c.Spec, specPath) },
		Warnings: func(c *bootstrapv1.EKSConfig) []string { return eksWarnings(&c.Spec, "NodeadmConfig", specPath) },
	},
	validation.Own[*bootstrapv1.EKSConfigTemplate]{
		Create: func(t *bootstrapv1.EKSConfigTemplate) field.ErrorList {
			return validateEKS(&t.Spec.Template.Spec, templateSpecPath)
		},
		Warnings: func(t *bootstrapv1.EKSConfigTemplate) []string {
			return eksWarnings(&t.Spec.Template.Spec, "NodeadmConfigTemplate", templateSpecPath)
		},
	},
)
