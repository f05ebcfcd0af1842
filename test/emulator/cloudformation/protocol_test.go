package cloudformation

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/golden"
)

func vectors() golden.Service {
	return golden.Service{Service: Service(), Client: func(c aws.Config) any { return sdk.NewFromConfig(c) }}
}

func TestRequestsAreReadAsTheSDKWritesThem(t *testing.T) { vectors().Requests(t) }

func TestAnswersAreWrittenAsTheSDKReadsThem(t *testing.T) { vectors().Returns(t) }
