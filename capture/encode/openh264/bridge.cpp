#include "bridge.h"

#include <stdlib.h>
#include <string.h>

#include "codec_api.h"
#include "codec_ver.h"

namespace {

ISVCEncoder *engine_of(encoder *e) { return static_cast<ISVCEncoder *>(e->engine); }

// collect is called by the library, within its calls and on their thread: it has no others with one encoding thread.
void collect(void *context, int, const char *message) {
	encoder *e = static_cast<encoder *>(context);
	size_t room = MESSAGES - 1 - e->said, length = strlen(message);
	if (length > room) length = room;
	memcpy(e->messages + e->said, message, length);
	e->said += static_cast<int>(length);
	e->messages[e->said] = 0;
}

// The finest quantizer is the library's own; the coarsest is H.264's, because a coarse picture that moves is better than one that
// stands still. When it is told none, the library stops at 42, with a warning.
const int kMinQP = 12, kMaxQP = 51;

int initialize(encoder *e, int width, int height, float fps, int bitrate, int temporal_layers) {
	ISVCEncoder *engine = engine_of(e);
	WelsTraceCallback callback = collect;
	void *context = e;
	int level = WELS_LOG_WARNING;
	engine->SetOption(ENCODER_OPTION_TRACE_CALLBACK, &callback);
	engine->SetOption(ENCODER_OPTION_TRACE_CALLBACK_CONTEXT, &context);
	engine->SetOption(ENCODER_OPTION_TRACE_LEVEL, &level);

	SEncParamExt p;
	int code = engine->GetDefaultParams(&p);
	if (code != 0) return code;
	p.iUsageType = CAMERA_VIDEO_REAL_TIME;
	p.iPicWidth = width;
	p.iPicHeight = height;
	p.fMaxFrameRate = fps;
	p.iTargetBitrate = bitrate;
	p.iMaxBitrate = UNSPECIFIED_BIT_RATE;
	p.iRCMode = RC_TIMESTAMP_MODE;
	p.bEnableFrameSkip = true; // in this mode nothing else keeps the bitrate
	p.iMinQp = kMinQP;
	p.iMaxQp = kMaxQP;
	p.iTemporalLayerNum = temporal_layers;
	p.uiIntraPeriod = 0; // keyframes when they are asked for,
	p.bEnableSceneChangeDetect = false; // and only then
	p.iMultipleThreadIdc = 1;
	SSpatialLayerConfig &layer = p.sSpatialLayers[0]; // the only one
	layer.iVideoWidth = width;
	layer.iVideoHeight = height;
	layer.fFrameRate = fps;
	layer.iSpatialBitrate = bitrate;
	layer.iMaxSpatialBitrate = UNSPECIFIED_BIT_RATE;
	layer.sSliceArgument.uiSliceMode = SM_SINGLE_SLICE;
	return engine->InitializeExt(&p);
}

} // namespace

encoder *encoder_new(int width, int height, float fps, int bitrate, int temporal_layers, int *code) {
	OpenH264Version version = WelsGetCodecVersion();
	if (version.uMajor != OPENH264_MAJOR || version.uMinor != OPENH264_MINOR) {
		*code = WRONG_VERSION;
		return nullptr;
	}
	encoder *e = static_cast<encoder *>(calloc(1, sizeof(encoder)));
	if (e == nullptr) {
		*code = cmMallocMemeError;
		return nullptr;
	}
	ISVCEncoder *engine = nullptr;
	*code = WelsCreateSVCEncoder(&engine);
	if (*code != 0) {
		free(e);
		return nullptr;
	}
	e->engine = engine;
	e->width = width;
	e->height = height;
	*code = initialize(e, width, height, fps, bitrate, temporal_layers);
	if (*code != 0) {
		encoder_free(e);
		return nullptr;
	}
	return e;
}

int encoder_encode(encoder *e, unsigned char *y, unsigned char *u, unsigned char *v, int y_stride, int c_stride, long long at,
                   bool keyframe, unit *out) {
	ISVCEncoder *engine = engine_of(e);
	*out = unit();
	if (keyframe) {
		int code = engine->ForceIntraFrame(true);
		if (code != 0) return code;
	}
	SSourcePicture picture = {};
	picture.iColorFormat = videoFormatI420;
	picture.iPicWidth = e->width;
	picture.iPicHeight = e->height;
	picture.iStride[0] = y_stride;
	picture.iStride[1] = picture.iStride[2] = c_stride;
	picture.pData[0] = y;
	picture.pData[1] = u;
	picture.pData[2] = v;
	picture.uiTimeStamp = at;

	SFrameBSInfo info = {};
	int code = engine->EncodeFrame(&picture, &info);
	if (code != 0) return code;
	if (info.eFrameType == videoFrameTypeSkip || info.eFrameType == videoFrameTypeInvalid) return 0;
	out->keyframe = info.eFrameType == videoFrameTypeIDR;
	// Parameter sets and picture are "layers" that lie one behind the other.
	out->data = info.sLayerInfo[0].pBsBuf;
	for (int i = 0; i < info.iLayerNum; i++) {
		const SLayerBSInfo &layer = info.sLayerInfo[i];
		if (layer.pBsBuf != out->data + out->size) return cmUnknownReason;
		if (layer.uiLayerType == VIDEO_CODING_LAYER) out->temporal_id = layer.uiTemporalId;
		for (int n = 0; n < layer.iNalCount; n++) out->size += layer.pNalLengthInByte[n];
	}
	return 0;
}

int encoder_set_rate(encoder *e, int bitrate, float fps) {
	ISVCEncoder *engine = engine_of(e);
	int code = engine->SetOption(ENCODER_OPTION_FRAME_RATE, &fps);
	if (code != 0) return code;
	SBitrateInfo info = {SPATIAL_LAYER_ALL, bitrate};
	return engine->SetOption(ENCODER_OPTION_BITRATE, &info);
}

int encoder_free(encoder *e) {
	ISVCEncoder *engine = engine_of(e);
	int code = engine->Uninitialize();
	WelsDestroySVCEncoder(engine);
	free(e);
	return code;
}
