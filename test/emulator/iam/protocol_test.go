package iam

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/golden"
)

func vectors() golden.Service {
	s := Service()
	// It takes policies to leave out, a union, which isn't read.
	s.Operations = slices.DeleteFunc(s.Operations, func(o core.Operation) bool { return o.Name == "SimulatePrincipalPolicy" })
	return golden.Service{Service: s, Client: func(c aws.Config) any { return sdk.NewFromConfig(c) }}
}

func TestRequestsAreReadAsTheSDKWritesThem(t *testing.T) { vectors().Requests(t) }

func TestAnswersAreWrittenAsTheSDKReadsThem(t *testing.T) { vectors().Returns(t) }
