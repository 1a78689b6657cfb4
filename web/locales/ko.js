// What the server says in Korean, by English template: see en.js. Characters that not every Windows console reads
// are written as escapes.

export default {
  "1 run sampled.":
    '1\ud68c \uc0d8\ud50c\ub9c1\ud588\uc2b5\ub2c8\ub2e4.',
  "A CUDA graph is being captured, and the Triton kernel has not been tried on this GPU before.":
    'CUDA graph\ub97c \uae30\ub85d\ud558\ub294 \uc911\uc774\uba70, Triton \ucee4\ub110\uc740 \uc774 GPU\uc5d0\uc11c \uc544\uc9c1 \uc2dc\ud5d8\ub418\uc9c0 \uc54a\uc558\uc2b5\ub2c8\ub2e4.',
  "A calibration must have costs.":
    '\ubcf4\uc815\uc5d0\ub294 \uacc4\uc0b0\ub7c9\uc774 \uc788\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "A calibration's costs must be those of its layers and ways.":
    '\ubcf4\uc815\uc758 \uacc4\uc0b0\ub7c9\uc740 \uadf8 \ub808\uc774\uc5b4\uc640 \uacc4\uc0b0 \ubc29\ubc95\uc758 \uac83\uc774\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "A calibration's forecasts must be of its noise levels.":
    '\ubcf4\uc815\uc758 \uc608\uce21\uc740 \uadf8 \ub178\uc774\uc988 \uc218\uc900\uc758 \uac83\uc774\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "A calibration's layers must be sites.":
    '\ubcf4\uc815\uc758 \ub808\uc774\uc5b4\ub294 \uc5b4\ud150\uc158 \ub808\uc774\uc5b4\uc5ec\uc57c \ud569\ub2c8\ub2e4.',
  "A calibration's milliseconds must be in milliseconds.":
    '\ubcf4\uc815\uc758 \uc2dc\uac04\uc740 \ubc00\ub9ac\ucd08\uc5ec\uc57c \ud569\ub2c8\ub2e4.',
  "A level of the plan does not have the layers and heads of the plan's model.":
    '\ud50c\ub79c\uc758 \ud55c \ub808\ubca8\uc774 \ud50c\ub79c \ubaa8\ub378\uc758 \ub808\uc774\uc5b4\uc640 \ud5e4\ub4dc\uc5d0 \ub9de\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4.',
  "A path of the plan uses a way that the plan does not define.":
    '\ud50c\ub79c\uc758 \ud55c \uacbd\ub85c\uac00 \ud50c\ub79c\uc5d0 \uc815\uc758\ub418\uc9c0 \uc54a\uc740 \uacc4\uc0b0 \ubc29\ubc95\uc744 \uc501\ub2c8\ub2e4.',
  "A path of the plan uses residuals of two ways after one full noise level.":
    '\ud50c\ub79c\uc758 \ud55c \uacbd\ub85c\uac00 \ud558\ub098\uc758 \uc804\uccb4 \ub178\uc774\uc988 \uc218\uc900 \ub4a4\uc5d0 \ub450 \ubc29\ubc95\uc758 \uc794\ucc28\ub97c \uc501\ub2c8\ub2e4.',
  "A picture is not finite (NaN or infinite): see whether it is without a plan, too.":
    '\uc774\ubbf8\uc9c0\uc5d0 \uc720\ud55c\ud558\uc9c0 \uc54a\uc740 \uac12(NaN \ub610\ub294 \ubb34\ud55c\ub300)\uc774 \uc788\uc2b5\ub2c8\ub2e4. \ud50c\ub79c \uc5c6\uc774\ub3c4 \uadf8\ub7f0\uc9c0 \ud655\uc778\ud558\uc138\uc694.',
  "A plan must be given as text.":
    '\ud50c\ub79c\uc740 \ud14d\uc2a4\ud2b8\ub85c \uc8fc\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "A run of one step is too short to be measured: it takes {least} or more.":
    '\uc2a4\ud15d\uc774 \ub108\ubb34 \uc801\uc5b4 \uce21\uc815\ud560 \uc218 \uc5c6\uc2b5\ub2c8\ub2e4. {least} \uc774\uc0c1\uc774\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "A text of letters and numbers in the plan is damaged.":
    '\ud50c\ub79c\uc758 \uae00\uc790\uc640 \uc22b\uc790\ub85c \ub41c \ud14d\uc2a4\ud2b8\uac00 \uc190\uc0c1\ub418\uc5c8\uc2b5\ub2c8\ub2e4.',
  "A way of the plan has more than {most} parameters.":
    '\ud50c\ub79c\uc758 \ud55c \uacc4\uc0b0 \ubc29\ubc95\uc5d0 \ub9e4\uac1c\ubcc0\uc218\uac00 {most}\uac1c\ubcf4\ub2e4 \ub9ce\uc2b5\ub2c8\ub2e4.',
  "A way of the plan has one parameter twice.":
    '\ud50c\ub79c\uc758 \ud55c \uacc4\uc0b0 \ubc29\ubc95\uc5d0 \uac19\uc740 \ub9e4\uac1c\ubcc0\uc218\uac00 \ub450 \ubc88 \uc788\uc2b5\ub2c8\ub2e4.',
  "A way's parameter must not be called {reserved}.":
    '\uacc4\uc0b0 \ubc29\ubc95\uc758 \ub9e4\uac1c\ubcc0\uc218 \uc774\ub984\uc73c\ub85c {reserved}\uc744(\ub97c) \uc4f8 \uc218 \uc5c6\uc2b5\ub2c8\ub2e4.',
  "Another node answered {missed} of {expected} attention calls, so that it is not known what was saved and how much the picture changed.":
    '\ub2e4\ub978 \ub178\ub4dc\uac00 \uc5b4\ud150\uc158 \ud638\ucd9c {expected}\ud68c \uc911 {missed}\ud68c\uc5d0 \uc751\ub2f5\ud588\uc73c\ubbc0\ub85c, \ubb34\uc5c7\uc774 \uc808\uc57d\ub418\uc5c8\uace0 \uadf8\ub9bc\uc774 \uc5bc\ub9c8\ub098 \ubc14\ub00c\uc5c8\ub294\uc9c0 \uc54c \uc218 \uc5c6\uc2b5\ub2c8\ub2e4.',
  "Another node cuts up or moves the latent on its way to the model (tiles), so that it is not known which place is which: what it evaluates was computed in full.":
    '\ub2e4\ub978 \ub178\ub4dc\uac00 \uc7a0\uc7ac \uc774\ubbf8\uc9c0\ub97c \ubaa8\ub378\ub85c \ubcf4\ub0b4\ub294 \ub3c4\uc911\uc5d0 \uc790\ub974\uac70\ub098 \uc62e\uae30\ubbc0\ub85c(\ud0c0\uc77c), \uc5b4\ub290 \uc704\uce58\uc778\uc9c0 \uc54c \uc218 \uc5c6\uc2b5\ub2c8\ub2e4. \uadf8 \ub178\ub4dc\uac00 \ud3c9\uac00\ud558\ub294 \ubd80\ubd84\uc740 \uc804\ubd80 \uacc4\uc0b0\ub418\uc5c8\uc2b5\ub2c8\ub2e4.',
  "Another node has put functions of its own in the place of {count} of {all} attention layers, which ran in full: put DiTFastAttn's node behind it.":
    '\ub2e4\ub978 \ub178\ub4dc\uac00 \uc5b4\ud150\uc158 \ub808\uc774\uc5b4 {all}\uac1c \uc911 {count}\uac1c\uc758 \uc790\ub9ac\uc5d0 \uc790\uccb4 \ud568\uc218\ub97c \ub123\uc5b4, \uc774 \ub808\uc774\uc5b4\ub4e4\uc740 \uc804\ubd80 \uacc4\uc0b0\ub418\uc5c8\uc2b5\ub2c8\ub2e4. DiTFastAttn \ub178\ub4dc\ub97c \uadf8 \ub4a4\uc5d0 \ub193\uc73c\uc2ed\uc2dc\uc624.',
  "Apply Compression Plan has no plan and must not make one: set calibrate to 'when needed', connect DiTFastAttn Calibrate, or paste a plan into the node.":
    '\'\uc555\ucd95 \ud50c\ub79c \uc801\uc6a9\'\uc5d0 \ud50c\ub79c\uc774 \uc5c6\uace0 \ub9cc\ub4e4 \uc218\ub3c4 \uc5c6\uc2b5\ub2c8\ub2e4. \'\ubcf4\uc815\'\uc744 when needed\ub85c \ubc14\uafb8\uac70\ub098, \'DiTFastAttn \ubcf4\uc815\'\uc744 \uc5f0\uacb0\ud558\uac70\ub098, \ub178\ub4dc\uc5d0 \ud50c\ub79c\uc744 \ubd99\uc5ec \ub123\uc73c\uc138\uc694.',
  "As predicted.":
    '\uc608\uce21\uacfc \uac19\uc2b5\ub2c8\ub2e4.',
  "Attention is {part} of the work at this size, and leaving out steps costs more than it brings.":
    '\uc774 \ud06c\uae30\uc5d0\uc11c \uc5b4\ud150\uc158\uc740 \uacc4\uc0b0\ub7c9\uc758 {part}\uc774\uace0, \uc2a4\ud15d\uc744 \ube7c\uba74 \uc5bb\ub294 \uac83\ubcf4\ub2e4 \uc783\ub294 \uac83\uc774 \ud07d\ub2c8\ub2e4.',
  "Calibrated at CFG {measured}, sampled at CFG {sampled}.":
    'CFG {measured}(\uc73c)\ub85c \ubcf4\uc815\ud588\uace0 {sampled}(\uc73c)\ub85c \uc0d8\ud50c\ub9c1\ud569\ub2c8\ub2e4.',
  "Calibrated at {measured} tokens, sampled at {sampled}.":
    '\ud1a0\ud070 {measured}\uac1c\ub85c \ubcf4\uc815\ud588\uace0 {sampled}\uac1c\ub85c \uc0d8\ud50c\ub9c1\ud569\ub2c8\ub2e4.',
  "Calibrated on another part of the noise schedule: set calibrate to 'again' to measure this one.":
    '\ub178\uc774\uc988 \uc2a4\ucf00\uc904\uc758 \ub2e4\ub978 \ubd80\ubd84\uc5d0\uc11c \ubcf4\uc815\ud588\uc2b5\ub2c8\ub2e4. \uc774 \ubd80\ubd84\uc744 \uce21\uc815\ud558\ub824\uba74 \'\ubcf4\uc815\'\uc744 again\uc73c\ub85c \ubc14\uafb8\uc138\uc694.',
  "Calibrated with {measured} steps, sampled with {sampled}.":
    '{measured}\uc2a4\ud15d\uc73c\ub85c \ubcf4\uc815\ud588\uace0 {sampled}\uc2a4\ud15d\uc73c\ub85c \uc0d8\ud50c\ub9c1\ud569\ub2c8\ub2e4.',
  "Calibrated with {measured}, sampled with {sampled}.":
    '{measured}(\uc73c)\ub85c \ubcf4\uc815\ud588\uace0 {sampled}(\uc73c)\ub85c \uc0d8\ud50c\ub9c1\ud569\ub2c8\ub2e4.',
  "Costs must be in {units}.":
    '\uacc4\uc0b0\ub7c9\uc758 \ub2e8\uc704\ub294 {units}\uc774\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "DiT draws classes and no text: connect ImageNet Class to the sampler.":
    'DiT\ub294 \uae00\uc774 \uc544\ub2c8\ub77c \ud074\ub798\uc2a4\ub97c \uadf8\ub9bd\ub2c8\ub2e4. \'ImageNet \ud074\ub798\uc2a4\'\ub97c \uc0d8\ud50c\ub7ec\uc5d0 \uc5f0\uacb0\ud558\uc138\uc694.',
  "Each path of the plan must begin with full attention.":
    '\ud50c\ub79c\uc758 \uac01 \uacbd\ub85c\ub294 \uc804\uccb4 \uc5b4\ud150\uc158\uc73c\ub85c \uc2dc\uc791\ud574\uc57c \ud569\ub2c8\ub2e4.',
  "Each path of the plan must have {rows} letters, one for each noise level.":
    '\ud50c\ub79c\uc758 \uac01 \uacbd\ub85c\uc5d0\ub294 \ub178\uc774\uc988 \uc218\uc900\ub9c8\ub2e4 \ud558\ub098\uc529 \uae00\uc790 {rows}\uac1c\uac00 \uc788\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "Each text of letters and numbers in the plan must cover {rows} noise levels.":
    '\ud50c\ub79c\uc758 \uae00\uc790\uc640 \uc22b\uc790\ub85c \ub41c \uac01 \ud14d\uc2a4\ud2b8\ub294 \ub178\uc774\uc988 \uc218\uc900 {rows}\uac1c\ub97c \ub2e4\ub8e8\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "For a larger picture, set calibrate to 'again'.":
    '\ub354 \ud070 \uc774\ubbf8\uc9c0\uc5d0\ub294 \'\ubcf4\uc815\'\uc744 again\uc73c\ub85c \ubc14\uafb8\uc138\uc694.',
  "From a run with full attention of {steps} steps in this session.":
    '\uc774 \uc138\uc158\uc5d0\uc11c \uc804\uccb4 \uc5b4\ud150\uc158\uc73c\ub85c \ud55c {steps}\uc2a4\ud15d \uc2e4\ud589\uc5d0\uc11c.',
  "From {count} of this run's steps that were computed in full.":
    '\uc774 \uc2e4\ud589\uc5d0\uc11c \uc804\ubd80 \uacc4\uc0b0\ud55c {count}\uc2a4\ud15d\uc5d0\uc11c.',
  "Give either an error to stay below or a fraction of attention to keep.":
    '\uc624\ucc28 \uc0c1\ud55c\uc774\ub098 \ub0a8\uae38 \uc5b4\ud150\uc158 \ube44\uc728 \uc911 \ud558\ub098\ub97c \uc8fc\uc138\uc694.',
  "Keys have {keys} heads and queries {heads}; the Triton kernel has no grouped-query attention.":
    '\ud0a4\ub294 \ud5e4\ub4dc {keys}\uac1c, \ucffc\ub9ac\ub294 {heads}\uac1c\uc785\ub2c8\ub2e4. Triton \ucee4\ub110\uc740 \uadf8\ub8f9 \ucffc\ub9ac \uc5b4\ud150\uc158\uc744 \uc9c0\uc6d0\ud558\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4.',
  "Level {level} computes heads at a noise level at which the model is not evaluated.":
    '\ub808\ubca8 {level}\uc774(\uac00) \ubaa8\ub378\uc744 \ud3c9\uac00\ud558\uc9c0 \uc54a\ub294 \ub178\uc774\uc988 \uc218\uc900\uc5d0\uc11c \ud5e4\ub4dc\ub97c \uacc4\uc0b0\ud569\ub2c8\ub2e4.',
  "Level {level} does not have the layers and heads of the plan's model.":
    '\ub808\ubca8 {level}\uc774(\uac00) \ud50c\ub79c \ubaa8\ub378\uc758 \ub808\uc774\uc5b4\uc640 \ud5e4\ub4dc\uc5d0 \ub9de\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4.',
  "Level {level} must say of every noise level whether the branches share.":
    '\ub808\ubca8 {level}\uc740(\ub294) \ub178\uc774\uc988 \uc218\uc900\ub9c8\ub2e4 \ub450 \ubd84\uae30\uac00 \uacf5\uc720\ud558\ub294\uc9c0 \ubc1d\ud600\uc57c \ud569\ub2c8\ub2e4.',
  "Level {level} must say of every noise level whether the model is evaluated.":
    '\ub808\ubca8 {level}\uc740(\ub294) \ub178\uc774\uc988 \uc218\uc900\ub9c8\ub2e4 \ubaa8\ub378\uc744 \ud3c9\uac00\ud558\ub294\uc9c0 \ubc1d\ud600\uc57c \ud569\ub2c8\ub2e4.',
  "Measured in this session, in a run like this one.":
    '\uc774 \uc138\uc158\uc5d0\uc11c \uac19\uc740 \uc870\uac74\uc758 \uc2e4\ud589\uc73c\ub85c \uce21\uc815\ud588\uc2b5\ub2c8\ub2e4.',
  "Memory ran out while caching, so the rest of the run was computed in full.":
    '\uce90\uc2dc\ud558\ub294 \uc911\uc5d0 \uba54\ubaa8\ub9ac\uac00 \ubaa8\uc790\ub77c \ub098\uba38\uc9c0 \uc2e4\ud589\uc740 \uc804\ubd80 \uacc4\uc0b0\ud588\uc2b5\ub2c8\ub2e4.',
  "Memory ran out, so the caches were dropped and the rest of the run was computed in full.":
    '\uba54\ubaa8\ub9ac\uac00 \ubaa8\uc790\ub77c \uce90\uc2dc\ub97c \ubc84\ub9ac\uace0 \ub098\uba38\uc9c0 \uc2e4\ud589\uc740 \uc804\ubd80 \uacc4\uc0b0\ud588\uc2b5\ub2c8\ub2e4.',
  "No attention call of the model reached the plan, so that nothing was saved.":
    '\ubaa8\ub378\uc758 \uc5b4\ud150\uc158 \ud638\ucd9c\uc774 \ud55c \ubc88\ub3c4 \uacc4\ud68d\uc5d0 \ub3c4\ub2ec\ud558\uc9c0 \uc54a\uc544 \uc544\ubb34\uac83\ub3c4 \uc808\uc57d\ub418\uc9c0 \uc54a\uc558\uc2b5\ub2c8\ub2e4.',
  "No attention call of the run can be compressed, since {reason}: nothing was measured.":
    '{reason}. \uadf8\ub798\uc11c \uc774 \uc2e4\ud589\uc5d0\ub294 \uc555\ucd95\ud560 \uc218 \uc788\ub294 \uc5b4\ud150\uc158 \ud638\ucd9c\uc774 \uc5c6\uc5b4 \uc544\ubb34\uac83\ub3c4 \uce21\uc815\ud558\uc9c0 \ubabb\ud588\uc2b5\ub2c8\ub2e4.',
  "No attention was found in this model, so the run was made with full attention.":
    '\uc774 \ubaa8\ub378\uc5d0\uc11c \uc5b4\ud150\uc158\uc744 \ucc3e\uc9c0 \ubabb\ud574 \uc804\uccb4 \uc5b4\ud150\uc158\uc73c\ub85c \uc2e4\ud589\ud588\uc2b5\ub2c8\ub2e4.',
  "No compression plan is applied to this model: connect the model that Apply Compression Plan puts out.":
    '\uc774 \ubaa8\ub378\uc5d0\ub294 \uc555\ucd95 \ud50c\ub79c\uc774 \uc801\uc6a9\ub418\uc9c0 \uc54a\uc558\uc2b5\ub2c8\ub2e4. \'\uc555\ucd95 \ud50c\ub79c \uc801\uc6a9\'\uc774 \ub0b4\ubcf4\ub0b4\ub294 \ubaa8\ub378\uc744 \uc5f0\uacb0\ud558\uc138\uc694.',
  "No milliseconds were measured with this calibration: calibrate again.":
    '\uc774 \ubcf4\uc815\uc5d0\uc11c\ub294 \ubc00\ub9ac\ucd08\ub97c \uce21\uc815\ud558\uc9c0 \uc54a\uc558\uc2b5\ub2c8\ub2e4. \ub2e4\uc2dc \ubcf4\uc815\ud558\uc138\uc694.',
  "Nothing of the layer, or not all that is computed of it, is planned in INT8.":
    '\uc774 \ub808\uc774\uc5b4\uc5d0\ub294 INT8\ub85c \uacc4\ud68d\ub41c \uac83\uc774 \uc5c6\uac70\ub098, \uacc4\uc0b0\ud558\ub294 \ubaa8\ub4e0 \uac83\uc774 INT8\ub85c \uacc4\ud68d\ub418\uc9c0\ub294 \uc54a\uc558\uc2b5\ub2c8\ub2e4.',
  "Nothing to compare: this model follows no plan. Put Apply Compression Plan between the model and this node, with a level other than off.":
    '\ube44\uad50\ud560 \uac83\uc774 \uc5c6\uc2b5\ub2c8\ub2e4. \uc774 \ubaa8\ub378\uc740 \ud50c\ub79c\uc744 \ub530\ub974\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4. \ubaa8\ub378\uacfc \uc774 \ub178\ub4dc \uc0ac\uc774\uc5d0 \'\uc555\ucd95 \ud50c\ub79c \uc801\uc6a9\'\uc744 \ub193\uace0 \ub808\ubca8\uc744 off\uac00 \uc544\ub2cc \uac83\uc73c\ub85c \ud558\uc138\uc694.',
  "Nothing to compare: this run followed no plan, and Apply Compression Plan says why.":
    '\ube44\uad50\ud560 \uac83\uc774 \uc5c6\uc2b5\ub2c8\ub2e4. \uc774 \uc2e4\ud589\uc740 \ud50c\ub79c\uc744 \ub530\ub974\uc9c0 \uc54a\uc558\uc2b5\ub2c8\ub2e4. \uc774\uc720\ub294 \'\uc555\ucd95 \ud50c\ub79c \uc801\uc6a9\'\uc5d0 \ud45c\uc2dc\ub429\ub2c8\ub2e4.',
  "Nothing to compare: {why}":
    '\ube44\uad50\ud560 \uac83\uc774 \uc5c6\uc2b5\ub2c8\ub2e4: {why}',
  "Nothing to save.":
    '\uc808\uc57d\ud560 \uac83\uc774 \uc5c6\uc2b5\ub2c8\ub2e4.',
  "Nothing was measured again: {why}. {remedy}":
    '\ub2e4\uc2dc \uce21\uc815\ud558\uc9c0 \ubabb\ud588\uc2b5\ub2c8\ub2e4: {why}. {remedy}',
  "Nothing was measured: {why}.":
    '\uc544\ubb34\uac83\ub3c4 \uce21\uc815\ud558\uc9c0 \ubabb\ud588\uc2b5\ub2c8\ub2e4: {why}.',
  "Off: full attention at every step.":
    '\uaebc\uc9d0: \ubaa8\ub4e0 \uc2a4\ud15d\uc5d0\uc11c \uc804\uccb4 \uc5b4\ud150\uc158.',
  "On a GeForce GPU from RTX 30 on, level {level} would compute {part} of the heads that it computes in INT8 and take {there} of full attention's work instead of {here}.":
    'RTX 30 \uc774\ud6c4\uc758 GeForce GPU\uc5d0\uc11c\ub294 \ub808\ubca8 {level}\uc774(\uac00) \uacc4\uc0b0\ud558\ub294 \ud5e4\ub4dc\uc758 {part}\uc744(\ub97c) INT8\ub85c \uacc4\uc0b0\ud558\uba70, \uacc4\uc0b0\ub7c9\uc740 \uc804\uccb4 \uc5b4\ud150\uc158\uc758 {here}\uc774(\uac00) \uc544\ub2c8\ub77c {there}\uc785\ub2c8\ub2e4.',
  "One step fewer of {steps} would save {saved}.":
    '{steps}\uc2a4\ud15d\uc5d0\uc11c \ud558\ub098\ub97c \uc904\uc774\uba74 {saved} \uc808\uc57d\ub429\ub2c8\ub2e4.',
  "Open-Sora needs a prompt of T5-XXL (CLIPLoader, type pixart), through Open-Sora Conditioning.":
    'Open-Sora\uc5d0\ub294 T5-XXL\uc758 \ud504\ub86c\ud504\ud2b8(CLIPLoader, \uc720\ud615 pixart)\uac00 \ud544\uc694\ud558\uba70, \'Open-Sora \uc870\uac74\'\uc744 \uac70\uccd0\uc57c \ud569\ub2c8\ub2e4.',
  "Outside the part of the noise schedule that the plan was measured on, attention runs in full: {outside} of {steps} steps.":
    '\ud50c\ub79c\uc774 \uce21\uc815\ub41c \ub178\uc774\uc988 \uc2a4\ucf00\uc904 \ubc94\uc704 \ubc16\uc5d0\uc11c\ub294 \uc5b4\ud150\uc158\uc744 \uc804\ubd80 \uacc4\uc0b0\ud569\ub2c8\ub2e4: {steps}\uc2a4\ud15d \uc911 {outside}.',
  "Plan {id} in use: {level}, {attention} of attention and {model} of all work computed, predicted error {error}.":
    '\ud50c\ub79c {id} \uc0ac\uc6a9 \uc911: {level}, \uc5b4\ud150\uc158\uc758 {attention}, \uc804\uccb4 \uacc4\uc0b0\ub7c9\uc758 {model} \uacc4\uc0b0, \uc608\uce21 \uc624\ucc28 {error}.',
  "Plan {id} in use: {level}, {attention} of attention and {model} of all work computed; no error is predicted for a run like this one.":
    '\uacc4\ud68d {id} \uc0ac\uc6a9 \uc911: {level}, \uc5b4\ud150\uc158\uc758 {attention}\uc640 \uc804\uccb4 \uc791\uc5c5\uc758 {model}\ub97c \uacc4\uc0b0\ud588\uc2b5\ub2c8\ub2e4. \uc774\ub7ec\ud55c \uc2e4\ud589\uc758 \uc624\ucc28\ub294 \uc608\uce21\ub418\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4.',
  "Plan {id} in use: {level}; it is not known what it saved.":
    '\uacc4\ud68d {id} \uc0ac\uc6a9 \uc911: {level}. \ubb34\uc5c7\uc744 \uc808\uc57d\ud588\ub294\uc9c0 \uc54c \uc218 \uc5c6\uc2b5\ub2c8\ub2e4.',
  "Plan {id} made in this run. From now on {level}: {attention} of attention and {model} of all work computed, predicted error {error}.":
    '\uc774 \uc2e4\ud589\uc5d0\uc11c \ud50c\ub79c {id}\uc774(\uac00) \ub9cc\ub4e4\uc5b4\uc84c\uc2b5\ub2c8\ub2e4. \uc774\uc81c\ubd80\ud130 {level}: \uc5b4\ud150\uc158\uc758 {attention}, \uc804\uccb4 \uacc4\uc0b0\ub7c9\uc758 {model} \uacc4\uc0b0, \uc608\uce21 \uc624\ucc28 {error}.',
  "Queries, keys and values differ in shape, and the Triton kernel serves self-attention.":
    '\ucffc\ub9ac, \ud0a4, \uac12\uc758 \ud615\ud0dc\uac00 \ub2e4\ub985\ub2c8\ub2e4. Triton \ucee4\ub110\uc740 \uc140\ud504 \uc5b4\ud150\uc158\uc6a9\uc785\ub2c8\ub2e4.',
  "Runs could not be measured ({why}), and are no longer watched. {remedy}":
    '\uc2e4\ud589\uc744 \uce21\uc815\ud560 \uc218 \uc5c6\uc5b4({why}) \ub354\ub294 \uad00\ucc30\ud558\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4. {remedy}',
  "Sharing cannot save more than all of a layer's attention.":
    '\uacf5\uc720\ub85c \ub808\uc774\uc5b4\uc758 \uc5b4\ud150\uc158 \uc804\uccb4\ubcf4\ub2e4 \ub9ce\uc774 \uc808\uc57d\ud560 \uc218\ub294 \uc5c6\uc2b5\ub2c8\ub2e4.',
  "Solved in {time}, at most {gap} of the work from the best possible plan.":
    '{time} \ub9cc\uc5d0 \ud480\uc5c8\uc2b5\ub2c8\ub2e4. \ucd5c\uc120\uc758 \ud50c\ub79c\uacfc\uc758 \ucc28\uc774\ub294 \uacc4\uc0b0\ub7c9\uc758 \ucd5c\ub300 {gap}\uc785\ub2c8\ub2e4.',
  "That is the work of {count} of {steps} steps.":
    '\uc774\ub294 {steps}\uc2a4\ud15d \uc911 {count}\uc2a4\ud15d\uc758 \uacc4\uc0b0\ub7c9\uc785\ub2c8\ub2e4.',
  "The CFG is not a finite number ({cfg}): set it to another.":
    'CFG\uac00 \uc720\ud55c\ud55c \uc218\uac00 \uc544\ub2d9\ub2c8\ub2e4({cfg}). \ub2e4\ub978 \uac12\uc73c\ub85c \ubc14\uafb8\uc138\uc694.',
  "The GPU's compute capability is {major}.{minor}, and the Triton kernel needs 8.0.":
    'GPU\uc758 compute capability\ub294 {major}.{minor}\uc774\uace0 Triton \ucee4\ub110\uc5d0\ub294 8.0\uc774 \ud544\uc694\ud569\ub2c8\ub2e4.',
  "The Hopper kernel has no bands; the pointer kernel has.":
    'Hopper \ucee4\ub110\uc5d0\ub294 \ub760\uac00 \uc5c6\uace0, pointer \ucee4\ub110\uc5d0\ub294 \uc788\uc2b5\ub2c8\ub2e4.',
  "The Hopper kernel is switched off, or the trial on this GPU chose the pointer kernel.":
    'Hopper \ucee4\ub110\uc774 \uaebc\uc838 \uc788\uac70\ub098, \uc774 GPU\uc5d0\uc11c\uc758 \uc2dc\ud5d8\uc5d0\uc11c pointer \ucee4\ub110\uc774 \uc120\ud0dd\ub418\uc5c8\uc2b5\ub2c8\ub2e4.',
  "The Hopper kernel reads no tensor whose heads or batch items repeat one another in memory.":
    'Hopper \ucee4\ub110\uc740 \ud5e4\ub4dc\ub098 \ubc30\uce58 \ud56d\ubaa9\uc774 \uba54\ubaa8\ub9ac\uc5d0\uc11c \ubc18\ubcf5\ub418\ub294 \ud150\uc11c\ub97c \uc77d\uc9c0 \ubabb\ud569\ub2c8\ub2e4.',
  "The Hopper kernel runs on GPUs of compute capability 9.0 only.":
    'Hopper \ucee4\ub110\uc740 compute capability 9.0\uc778 GPU\uc5d0\uc11c\ub9cc \uc2e4\ud589\ub429\ub2c8\ub2e4.',
  "The INT8 kernel is for NVIDIA GPUs of compute capability 8.0, 8.6, 8.9 and 12.":
    'INT8 \ucee4\ub110\uc740 \ucef4\ud4e8\ud2b8 \ub2a5\ub825 8.0, 8.6, 8.9, 12\uc758 NVIDIA GPU\uc6a9\uc785\ub2c8\ub2e4.',
  "The INT8 kernel is switched off.":
    'INT8 \ucee4\ub110\uc774 \uaebc\uc838 \uc788\uc2b5\ub2c8\ub2e4.',
  "The INT8 kernel was tried on this GPU and differs by {difference} % from the 16-bit kernel, more than {allowed} %.":
    'INT8 \ucee4\ub110\uc744 \uc774 GPU\uc5d0\uc11c \uc2dc\ud5d8\ud55c \uacb0\uacfc 16\ube44\ud2b8 \ucee4\ub110\uacfc {difference}%\ub9cc\ud07c \ub2ec\ub77c \ud5c8\uc6a9\uce58 {allowed}%\uc744(\ub97c) \ub118\uc2b5\ub2c8\ub2e4.',
  "The INT8 kernel was tried on this GPU and is no faster than the 16-bit kernel: {fused} ms against {usual} ms.":
    'INT8 \ucee4\ub110\uc744 \uc774 GPU\uc5d0\uc11c \uc2dc\ud5d8\ud588\uc73c\ub098 16\ube44\ud2b8 \ucee4\ub110\ubcf4\ub2e4 \ube60\ub974\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4: {fused} ms \ub300 {usual} ms.',
  "The Triton kernel computes in float16 and bfloat16, not in {dtype}.":
    'Triton \ucee4\ub110\uc740 float16\uacfc bfloat16\uc73c\ub85c \uacc4\uc0b0\ud558\uba70 {dtype}\uc740(\ub294) \uc9c0\uc6d0\ud558\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4.',
  "The Triton kernel computes no head by {way}.":
    'Triton \ucee4\ub110\uc740 {way}(\uc73c)\ub85c \ud5e4\ub4dc\ub97c \uacc4\uc0b0\ud558\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4.',
  "The Triton kernel failed its trial on this GPU: {kind}: {error}.":
    'Triton \ucee4\ub110\uc774 \uc774 GPU\uc5d0\uc11c\uc758 \uc2dc\ud5d8\uc5d0 \uc2e4\ud328\ud588\uc2b5\ub2c8\ub2e4: {kind}: {error}.',
  "The Triton kernel has windows over one grid, and reference pictures have grids of their own.":
    'Triton \ucee4\ub110\uc758 \uc708\ub3c4\uc6b0\ub294 \ud558\ub098\uc758 \uadf8\ub9ac\ub4dc\ub9cc \uc9c0\uc6d0\ud558\uba70, \ucc38\uc870 \uc774\ubbf8\uc9c0\uc5d0\ub294 \uac01\uac01\uc758 \uadf8\ub9ac\ub4dc\uac00 \uc788\uc2b5\ub2c8\ub2e4.',
  "The Triton kernel is switched off by {switch}=0.":
    'Triton \ucee4\ub110\uc774 {switch}=0\uc73c\ub85c \uaebc\uc838 \uc788\uc2b5\ub2c8\ub2e4.',
  "The Triton kernel needs a positive scale, not {scale}.":
    'Triton \ucee4\ub110\uc5d0\ub294 \uc591\uc758 \uc2a4\ucf00\uc77c\uc774 \ud544\uc694\ud569\ub2c8\ub2e4({scale} \ubd88\uac00).',
  "The Triton kernel runs on CUDA and ROCm devices, not on {device}.":
    'Triton \ucee4\ub110\uc740 CUDA\uc640 ROCm \uc7a5\uce58\uc5d0\uc11c \uc2e4\ud589\ub418\uba70 {device}\uc5d0\uc11c\ub294 \uc2e4\ud589\ub418\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4.',
  "The Triton kernel takes queries, keys and values of four axes.":
    'Triton \ucee4\ub110\uc740 \ucd95\uc774 \ub124 \uac1c\uc778 \ucffc\ub9ac, \ud0a4, \uac12\uc744 \ubc1b\uc2b5\ub2c8\ub2e4.',
  "The Triton kernel took ComfyUI or the driver down when it was tried on this GPU, and is left off; delete {file} to try it again.":
    'Triton \ucee4\ub110\uc744 \uc774 GPU\uc5d0\uc11c \uc2dc\ud5d8\ud560 \ub54c ComfyUI\ub098 \ub4dc\ub77c\uc774\ubc84\uac00 \uc911\ub2e8\ub418\uc5b4 \uc0ac\uc6a9\ud558\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4. {file}\uc744(\ub97c) \uc0ad\uc81c\ud558\uba74 \ub2e4\uc2dc \uc2dc\ub3c4\ud569\ub2c8\ub2e4.',
  "The Triton kernel takes windows or bands in one layer, not both.":
    'Triton \ucee4\ub110\uc740 \ud55c \ub808\uc774\uc5b4\uc5d0\uc11c \uc708\ub3c4\ub098 \ub760 \uac00\uc6b4\ub370 \ud558\ub098\ub9cc \ubc1b\uc2b5\ub2c8\ub2e4.',
  "The Triton kernel was tried on this GPU and differs by {difference} % from the tiled path, more than {allowed} %.":
    'Triton \ucee4\ub110\uc744 \uc774 GPU\uc5d0\uc11c \uc2dc\ud5d8\ud55c \uacb0\uacfc \ud0c0\uc77c \uacbd\ub85c\uc640 {difference}%\ub9cc\ud07c \ub2ec\ub77c \ud5c8\uc6a9\uce58 {allowed}%\uc744(\ub97c) \ub118\uc2b5\ub2c8\ub2e4.',
  "The Triton kernel was tried on this GPU and is no faster than the tiled path: {fused} ms against {tiled} ms.":
    'Triton \ucee4\ub110\uc744 \uc774 GPU\uc5d0\uc11c \uc2dc\ud5d8\ud588\uc73c\ub098 \ud0c0\uc77c \uacbd\ub85c\ubcf4\ub2e4 \ube60\ub974\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4: {fused} ms \ub300 {tiled} ms.',
  "The Triton kernel's list of key blocks for {tokens} tokens would be too large.":
    '\ud1a0\ud070 {tokens}\uac1c\uc5d0\uc11c\ub294 Triton \ucee4\ub110\uc758 \ud0a4 \ube14\ub85d \ubaa9\ub85d\uc774 \ub108\ubb34 \ucee4\uc9d1\ub2c8\ub2e4.',
  "The cache budget was reached, so some heads were computed again instead of reused; raise the budget of Apply Compression Plan or choose a milder level.":
    '\uce90\uc2dc \uc0c1\ud55c\uc5d0 \uc774\ub974\ub7ec \uc77c\ubd80 \ud5e4\ub4dc\ub294 \uc7ac\uc0ac\uc6a9\ud558\uc9c0 \uc54a\uace0 \ub2e4\uc2dc \uacc4\uc0b0\ud588\uc2b5\ub2c8\ub2e4. \'\uc555\ucd95 \ud50c\ub79c \uc801\uc6a9\'\uc758 \uc0c1\ud55c\uc744 \uc62c\ub9ac\uac70\ub098 \ub354 \uc57d\ud55c \ub808\ubca8\uc744 \uace0\ub974\uc138\uc694.',
  "The calibration does not have the layers of the connected model: calibrate again.":
    '\ubcf4\uc815\uc774 \uc5f0\uacb0\ub41c \ubaa8\ub378\uc758 \ub808\uc774\uc5b4\uc640 \ub9de\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4. \ub2e4\uc2dc \ubcf4\uc815\ud558\uc138\uc694.',
  "The calibration runs do not belong together: their noise levels differ.":
    '\ubcf4\uc815 \uc2e4\ud589\ub4e4\uc774 \uc11c\ub85c \ub9de\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4. \ub178\uc774\uc988 \uc218\uc900\uc774 \ub2e4\ub985\ub2c8\ub2e4.',
  "The calibration runs do not belong together: their steps, layers or ways differ.":
    '\ubcf4\uc815 \uc2e4\ud589\ub4e4\uc774 \uc11c\ub85c \ub9de\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4. \uc2a4\ud15d, \ub808\uc774\uc5b4 \ub610\ub294 \uacc4\uc0b0 \ubc29\ubc95\uc774 \ub2e4\ub985\ub2c8\ub2e4.',
  "The calibration's inner products of evaluations must be finite, one for each two noise levels.":
    '\ubcf4\uc815\uc758 \ud3c9\uac00 \ub0b4\uc801\uc740 \uc720\ud55c\ud558\uace0 \ub450 \ub178\uc774\uc988 \uc218\uc900\ub9c8\ub2e4 \ud558\ub098\uc529 \uc788\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "The calibration's noise levels must descend.":
    '\ubcf4\uc815\uc758 \ub178\uc774\uc988 \uc218\uc900\uc740 \uc904\uc5b4\ub4e4\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "The calibration's {what} has shape {found}, expected {expected}.":
    '\ubcf4\uc815\uc758 {what} \ud615\ud0dc\uac00 {found}\uc778\ub370 {expected}\uc774\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "The calibration's {what} must be finite.":
    '\ubcf4\uc815\uc758 {what}\uc740(\ub294) \uc720\ud55c\ud574\uc57c \ud569\ub2c8\ub2e4.',
  "The calibration's {what} must not be negative.":
    '\ubcf4\uc815\uc758 {what}\uc740(\ub294) \uc74c\uc218\uc77c \uc218 \uc5c6\uc2b5\ub2c8\ub2e4.',
  "The error to stay below, or the fraction of attention to keep, must not be negative.":
    '\uc624\ucc28 \uc0c1\ud55c\uc774\ub098 \ub0a8\uae38 \uc5b4\ud150\uc158 \ube44\uc728\uc740 \uc74c\uc218\uc77c \uc218 \uc5c6\uc2b5\ub2c8\ub2e4.',
  "The fused kernels need rows of neighbouring elements that start on 16 bytes.":
    '\uc735\ud569 \ucee4\ub110\uc5d0\ub294 \uc694\uc18c\uac00 \uc5f0\uc18d\ub418\uace0 16\ubc14\uc774\ud2b8 \uacbd\uacc4\uc5d0\uc11c \uc2dc\uc791\ud558\ub294 \ud589\uc774 \ud544\uc694\ud569\ub2c8\ub2e4.',
  "The gain of reuse must be finite and above 0.":
    '\uc7ac\uc0ac\uc6a9\uc758 \uc774\ub4dd\uc740 0\ubcf4\ub2e4 \ud070 \uc720\ud55c\ud55c \uc218\uc5ec\uc57c \ud569\ub2c8\ub2e4.',
  "The guard could not check a layer ({error}) and was off from then on.":
    '\uac10\uc2dc\uac00 \ud55c \ub808\uc774\uc5b4\ub97c \ud655\uc778\ud558\uc9c0 \ubabb\ud574({error}) \uadf8 \ub4a4\ub85c \uaebc\uc84c\uc2b5\ub2c8\ub2e4.',
  "The guard was off: this plan does not say what error it expects of each layer. Calibrate again.":
    '\uac10\uc2dc\uac00 \uaebc\uc838 \uc788\uc5c8\uc2b5\ub2c8\ub2e4. \uc774 \ud50c\ub79c\uc5d0\ub294 \ub808\uc774\uc5b4\ubcc4 \uc608\uc0c1 \uc624\ucc28\uac00 \uc5c6\uc2b5\ub2c8\ub2e4. \ub2e4\uc2dc \ubcf4\uc815\ud558\uc138\uc694.',
  "The guider combines its branches in a way of its own, so none serves another.":
    '\uac00\uc774\ub354\uac00 \uace0\uc720\ud55c \ubc29\uc2dd\uc73c\ub85c \ubd84\uae30\ub97c \ud569\uce58\ubbc0\ub85c \uc11c\ub85c \uacf5\uc720\ud558\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4.',
  "The guider runs a second model, which is computed in full and takes no part in the plan.":
    '\uac00\uc774\ub354\uac00 \ub450 \ubc88\uc9f8 \ubaa8\ub378\ub3c4 \uc2e4\ud589\ud569\ub2c8\ub2e4. \uadf8 \ubaa8\ub378\uc740 \uc804\ubd80 \uacc4\uc0b0\ub418\uba70 \ud50c\ub79c\uc5d0 \ub4e4\uc5b4\uac00\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4.',
  "The head size is {size}, and the Triton kernel has {sizes}.":
    '\ud5e4\ub4dc \ud06c\uae30\ub294 {size}\uc778\ub370 Triton \ucee4\ub110\uc740 {sizes}\uc744(\ub97c) \uc9c0\uc6d0\ud569\ub2c8\ub2e4.',
  "The level 'custom' has one budget: set keep_work or keep_attention to 0.":
    '\ub808\ubca8 custom\uc758 \uc608\uc0b0\uc740 \ud558\ub098\ubfd0\uc785\ub2c8\ub2e4. keep_work\ub098 keep_attention\uc744 0\uc73c\ub85c \ud558\uc138\uc694.',
  "The level 'custom' is a budget that DiTFastAttn Calibrate plans for: connect one with keep_work or keep_attention set, or choose one of the other levels.":
    '\ub808\ubca8 custom\uc740 \'DiTFastAttn \ubcf4\uc815\'\uc774 \uacc4\ud68d\ud558\ub294 \uc608\uc0b0\uc785\ub2c8\ub2e4. keep_work\ub098 keep_attention\uc744 \uc124\uc815\ud55c \ub178\ub4dc\ub97c \uc5f0\uacb0\ud558\uac70\ub098 \ub2e4\ub978 \ub808\ubca8\uc744 \uace0\ub974\uc138\uc694.',
  "The linked measurements do not belong together with this node's, they differ in {names}: give all Calibrate nodes of a chain the same model, size and sampler settings.":
    '\uc5f0\uacb0\ub41c \uce21\uc815\uac12\uc774 \uc774 \ub178\ub4dc\uc758 \uac83\uacfc \ub9de\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4({names}\uc774(\uac00) \ub2e4\ub984). \uc774\uc5b4\uc9c4 \ubaa8\ub4e0 \ubcf4\uc815 \ub178\ub4dc\uc5d0 \uac19\uc740 \ubaa8\ub378, \ud06c\uae30, \uc0d8\ud50c\ub9c1 \uc124\uc815\uc744 \uc8fc\uc138\uc694.',
  "The linked measurements hold no milliseconds: set price to milliseconds in all Calibrate nodes of a chain.":
    '\uc5f0\uacb0\ub41c \uce21\uc815\uac12\uc5d0 \ubc00\ub9ac\ucd08\uac00 \uc5c6\uc2b5\ub2c8\ub2e4. \uc774\uc5b4\uc9c4 \ubaa8\ub4e0 \ubcf4\uc815 \ub178\ub4dc\uc5d0\uc11c \'\ube44\uc6a9\'\uc744 milliseconds\ub85c \ud558\uc138\uc694.',
  "The model has not been sampled yet: connect the latent of the sampler.":
    '\ubaa8\ub378\uc774 \uc544\uc9c1 \uc0d8\ud50c\ub9c1\ub418\uc9c0 \uc54a\uc558\uc2b5\ub2c8\ub2e4. \uc0d8\ud50c\ub7ec\uc758 \uc7a0\uc7ac \uc774\ubbf8\uc9c0\ub97c \uc5f0\uacb0\ud558\uc138\uc694.',
  "The model is split over several GPUs, so attention ran in full.":
    '\ubaa8\ub378\uc774 \uc5ec\ub7ec GPU\uc5d0 \ub098\ub258\uc5b4 \uc788\uc5b4 \uc5b4\ud150\uc158\uc744 \uc804\ubd80 \uacc4\uc0b0\ud588\uc2b5\ub2c8\ub2e4.',
  "The model's output was not finite (NaN or infinite) at step {step} of {steps}, so there is nothing to measure: try another precision, CFG or sampler.":
    '\uc2a4\ud15d {step} / {steps}\uc5d0\uc11c \ubaa8\ub378\uc758 \ucd9c\ub825\uc774 \uc720\ud55c\ud558\uc9c0 \uc54a\uc544(NaN \ub610\ub294 \ubb34\ud55c\ub300) \uce21\uc815\ud560 \uc218 \uc5c6\uc2b5\ub2c8\ub2e4. \ub2e4\ub978 \uc815\ubc00\ub3c4, CFG, \uc0d8\ud50c\ub7ec\ub97c \uc368 \ubcf4\uc138\uc694.',
  "The next run is watched.":
    '\ub2e4\uc74c \uc2e4\ud589\uc774 \uad00\ucc30\ub429\ub2c8\ub2e4.',
  "The next run is watched: its picture is the full one, and every run after it is compressed.":
    '\ub2e4\uc74c \uc2e4\ud589\uc774 \uad00\ucc30\ub429\ub2c8\ub2e4. \uadf8 \uc774\ubbf8\uc9c0\ub294 \uc804\uccb4 \uacc4\uc0b0\uc758 \uacb0\uacfc\uc774\uba70, \uadf8\ub2e4\uc74c \uc2e4\ud589\ubd80\ud130 \uc555\ucd95\ub429\ub2c8\ub2e4.',
  "The noise levels (sigmas) hold {level}, which is no finite number.":
    '\ub178\uc774\uc988 \uc218\uc900(sigmas)\uc5d0 \uc720\ud55c\ud558\uc9c0 \uc54a\uc740 {level}\uc774(\uac00) \uc788\uc2b5\ub2c8\ub2e4.',
  "The papers' methods decide while they sample and leave no measurements: set the linked DiTFastAttn Calibrate to the method 'one run'.":
    '\ub17c\ubb38\uc758 \ubc29\ubc95\uc740 \uc0d8\ud50c\ub9c1\ud558\uba74\uc11c \uacb0\uc815\ud558\ubbc0\ub85c \uce21\uc815\uac12\uc744 \ub0a8\uae30\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4. \uc5f0\uacb0\ub41c \'DiTFastAttn \ubcf4\uc815\'\uc758 \ubc29\ubc95\uc744 one run\uc73c\ub85c \ud558\uc138\uc694.',
  "The papers' methods know no budget and only one prompt and seed, and their errors are measured already: with them, set runs to 1, keep_work, keep_attention and max_cache_mib to 0, price to FLOPs and verify to off, and leave measurements unconnected.":
    '\ub17c\ubb38\uc758 \ubc29\ubc95\uc740 \uc608\uc0b0\uc744 \uc9c0\uc6d0\ud558\uc9c0 \uc54a\uace0 \ud504\ub86c\ud504\ud2b8\uc640 \uc2dc\ub4dc\ub3c4 \ud558\ub098\ubfd0\uc774\uba70 \uc624\ucc28\ub294 \uc774\ubbf8 \uce21\uc815\ub418\uc5b4 \uc788\uc2b5\ub2c8\ub2e4. \uc4f8 \ub54c\ub294 runs\ub97c 1, keep_work, keep_attention, max_cache_mib\uc744 0, price\ub97c FLOPs, verify\ub97c off\ub85c \ud558\uace0 measurements\ub97c \uc5f0\uacb0\ud558\uc9c0 \ub9c8\uc138\uc694.',
  "The picture is made with full attention.":
    '\uc774\ubbf8\uc9c0\ub294 \uc804\uccb4 \uc5b4\ud150\uc158\uc73c\ub85c \ub9cc\ub4e4\uc5b4\uc9d1\ub2c8\ub2e4.',
  "The plan computes heads in a way that this version of the pack does not know ({error}): update DiTFastAttn, or run DiTFastAttn Calibrate on this model.":
    '\ud50c\ub79c\uc774 \uc774 \ubc84\uc804\uc758 \ud329\uc774 \ubaa8\ub974\ub294 \ubc29\ubc95\uc73c\ub85c \ud5e4\ub4dc\ub97c \uacc4\uc0b0\ud569\ub2c8\ub2e4({error}). DiTFastAttn\uc744 \uc5c5\ub370\uc774\ud2b8\ud558\uac70\ub098 \uc774 \ubaa8\ub378\uc5d0 \'DiTFastAttn \ubcf4\uc815\'\uc744 \uc2e4\ud589\ud558\uc138\uc694.',
  "The plan could not be started ({error}), so the run was made with full attention.":
    '\ud50c\ub79c\uc744 \uc2dc\uc791\ud560 \uc218 \uc5c6\uc5b4({error}) \uc804\uccb4 \uc5b4\ud150\uc158\uc73c\ub85c \uc2e4\ud589\ud588\uc2b5\ub2c8\ub2e4.',
  "The plan gives a {name} to a noise level that does not follow a forecast one.":
    '\ud50c\ub79c\uc774 \uc608\uce21 \ub4a4\uac00 \uc544\ub2cc \ub178\uc774\uc988 \uc218\uc900\uc5d0 {name}\uc744(\ub97c) \uc90d\ub2c8\ub2e4.',
  "The plan gives {names} of forecasts at a level that has none.":
    '\ud50c\ub79c\uc774 \uc608\uce21\uc774 \uc5c6\ub294 \ub808\ubca8\uc5d0 \uc608\uce21\uc758 {names}\uc744(\ub97c) \uc90d\ub2c8\ub2e4.',
  "The plan has no level 'custom': set keep_work or keep_attention in DiTFastAttn Calibrate, or choose one of {levels}.":
    '\ud50c\ub79c\uc5d0 \ub808\ubca8 custom\uc774 \uc5c6\uc2b5\ub2c8\ub2e4. \'DiTFastAttn \ubcf4\uc815\'\uc5d0\uc11c keep_work\ub098 keep_attention\uc744 \uc124\uc815\ud558\uac70\ub098 {levels} \uc911\uc5d0\uc11c \uace0\ub974\uc138\uc694.',
  "The plan has no level {levels}: its text would be too long.":
    '\ud50c\ub79c\uc5d0 \ub808\ubca8 {levels}\uc774(\uac00) \uc5c6\uc2b5\ub2c8\ub2e4. \ud14d\uc2a4\ud2b8\uac00 \ub108\ubb34 \uae38\uc5b4\uc9c0\uae30 \ub54c\ubb38\uc785\ub2c8\ub2e4.',
  "The plan has no level {name}; it has {levels}.":
    '\ud50c\ub79c\uc5d0 \ub808\ubca8 {name}\uc774(\uac00) \uc5c6\uc2b5\ub2c8\ub2e4. \uc788\ub294 \uac83\uc740 {levels}\uc785\ub2c8\ub2e4.',
  "The plan holds a number that is not finite.":
    '\ud50c\ub79c\uc5d0 \uc720\ud55c\ud558\uc9c0 \uc54a\uc740 \uc218\uac00 \uc788\uc2b5\ub2c8\ub2e4.',
  "The plan holds a number that is too long.":
    '\ud50c\ub79c\uc5d0 \ub108\ubb34 \uae34 \uc218\uac00 \uc788\uc2b5\ub2c8\ub2e4.',
  "The plan is not complete: it lacks {key}.":
    '\ud50c\ub79c\uc774 \uc628\uc804\ud558\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4: {key}\uc774(\uac00) \uc5c6\uc2b5\ub2c8\ub2e4.',
  "The plan is of a version that does not exist.":
    '\uc874\uc7ac\ud558\uc9c0 \uc54a\ub294 \ubc84\uc804\uc758 \ud50c\ub79c\uc785\ub2c8\ub2e4.',
  "The plan lacks its model or its measurement.":
    '\ud50c\ub79c\uc5d0 \ubaa8\ub378\uc774\ub098 \uce21\uc815 \uc815\ubcf4\uac00 \uc5c6\uc2b5\ub2c8\ub2e4.',
  "The plan must evaluate the model at the first noise level.":
    '\ud50c\ub79c\uc740 \uccab \ub178\uc774\uc988 \uc218\uc900\uc5d0\uc11c \ubaa8\ub378\uc744 \ud3c9\uac00\ud574\uc57c \ud569\ub2c8\ub2e4.',
  "The plan names one layer twice.":
    '\ud50c\ub79c\uc5d0 \uac19\uc740 \ub808\uc774\uc5b4\uac00 \ub450 \ubc88 \uc788\uc2b5\ub2c8\ub2e4.',
  "The plan names one level twice.":
    '\ud50c\ub79c\uc5d0 \uac19\uc740 \ub808\ubca8\uc774 \ub450 \ubc88 \uc788\uc2b5\ub2c8\ub2e4.',
  "The plan was edited or damaged after it was made: calibrate again, or take it anew from where it came.":
    '\ud50c\ub79c\uc774 \ub9cc\ub4e4\uc5b4\uc9c4 \ub4a4\uc5d0 \ud3b8\uc9d1\ub418\uc5c8\uac70\ub098 \uc190\uc0c1\ub418\uc5c8\uc2b5\ub2c8\ub2e4. \ub2e4\uc2dc \ubcf4\uc815\ud558\uac70\ub098 \uc6d0\ub798 \uc788\ub358 \uacf3\uc5d0\uc11c \ub2e4\uc2dc \uac00\uc838\uc624\uc138\uc694.',
  "The plan was made by a newer version of DiTFastAttn: update the node pack to use it.":
    '\ud50c\ub79c\uc774 \ub354 \uc0c8\ub85c\uc6b4 \ubc84\uc804\uc758 DiTFastAttn\uc73c\ub85c \ub9cc\ub4e4\uc5b4\uc84c\uc2b5\ub2c8\ub2e4. \uc4f0\ub824\uba74 \ud329\uc744 \uc5c5\ub370\uc774\ud2b8\ud558\uc138\uc694.',
  "The plan's heads must be given as texts, one for each layer.":
    '\ud50c\ub79c\uc758 \ud5e4\ub4dc\ub294 \ub808\uc774\uc5b4\ub9c8\ub2e4 \ud558\ub098\uc758 \ud14d\uc2a4\ud2b8\ub85c \uc8fc\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's layers must each have a name and a head count.":
    '\ud50c\ub79c\uc758 \ub808\uc774\uc5b4\uc5d0\ub294 \uac01\uac01 \uc774\ub984\uacfc \ud5e4\ub4dc \uc218\uac00 \uc788\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's level expects errors of {count} of {layers} layers; it must be all or none.":
    '\ud50c\ub79c\uc758 \ub808\ubca8\uc774 \ub808\uc774\uc5b4 {layers}\uac1c \uc911 {count}\uac1c\uc758 \uc624\ucc28\ub97c \uc608\uc0c1\ud569\ub2c8\ub2e4. \ubaa8\ub450\uc774\uac70\ub098 \uc5c6\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's levels are not complete.":
    '\ud50c\ub79c\uc758 \ub808\ubca8\uc774 \uc628\uc804\ud558\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4.',
  "The plan's marks of evaluated noise levels must be a text of 0 and 1.":
    '\ud50c\ub79c\uc758 \ud3c9\uac00\ud558\ub294 \ub178\uc774\uc988 \uc218\uc900 \ud45c\uc2dc\ub294 0\uacfc 1\ub85c \ub41c \ud14d\uc2a4\ud2b8\uc5ec\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's marks of pooled windows must be a text with one 0 or 1 for each of them.":
    '\ud50c\ub79c\uc758 \ud480\ub9c1\ub41c \uc708\ub3c4 \ud45c\uc2dc\ub294 \uc708\ub3c4\ub9c8\ub2e4 0\uc774\ub098 1\uc774 \ud558\ub098\uc529\uc778 \ud14d\uc2a4\ud2b8\uc5ec\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's model fingerprint must be 16 hexadecimal digits.":
    '\ud50c\ub79c\uc758 \ubaa8\ub378 \uc9c0\ubb38\uc740 16\uc9c4\uc218 16\uc790\ub9ac\uc5ec\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's noise positions must descend, each below the one before.":
    '\ud50c\ub79c\uc758 \ub178\uc774\uc988 \uc704\uce58\ub294 \ucc28\ub840\ub85c \uc904\uc5b4\ub4e4\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's paths must be texts of 1 to {most} letters.":
    '\ud50c\ub79c\uc758 \uacbd\ub85c\ub294 1~{most}\uc790\uc758 \ud14d\uc2a4\ud2b8\uc5ec\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's references must have grids of as many axes as its token grid.":
    '\ud50c\ub79c\uc758 \ucc38\uc870 \uc774\ubbf8\uc9c0 \uadf8\ub9ac\ub4dc\ub294 \ud1a0\ud070 \uadf8\ub9ac\ub4dc\uc640 \ucd95\uc758 \uc218\uac00 \uac19\uc544\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's references to profiles are damaged.":
    '\ud50c\ub79c\uc758 \ud504\ub85c\ud544 \ucc38\uc870\uac00 \uc190\uc0c1\ub418\uc5c8\uc2b5\ub2c8\ub2e4.',
  "The plan's run was sampled twice: the first one had the GPU's kernels to compile.":
    '\ud50c\ub79c \uc2e4\ud589\uc740 \ub450 \ubc88 \uc0d8\ud50c\ub9c1\ub418\uc5c8\uc2b5\ub2c8\ub2e4. \uccab \ubc88\uc9f8\uc5d0\ub294 GPU \ucee4\ub110\uc744 \ucef4\ud30c\uc77c\ud574\uc57c \ud588\uc2b5\ub2c8\ub2e4.',
  "The plan's seeds must be numbers written as text.":
    '\ud50c\ub79c\uc758 \uc2dc\ub4dc\ub294 \ud14d\uc2a4\ud2b8\ub85c \uc4f4 \uc218\uc5ec\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's sharing and its evaluated noise levels must be given as texts.":
    '\ud50c\ub79c\uc758 \uacf5\uc720\uc640 \ud3c9\uac00\ud558\ub294 \ub178\uc774\uc988 \uc218\uc900\uc740 \ud14d\uc2a4\ud2b8\ub85c \uc8fc\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's sharing must be given as texts of 0 and 1.":
    '\ud50c\ub79c\uc758 \uacf5\uc720\ub294 0\uacfc 1\ub85c \ub41c \ud14d\uc2a4\ud2b8\ub85c \uc8fc\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's text would be {length} characters long, at most {most} are allowed: calibrate with fewer steps.":
    '\ud50c\ub79c\uc758 \ud14d\uc2a4\ud2b8\uac00 {length}\uc790\uac00 \ub429\ub2c8\ub2e4(\ucd5c\ub300 {most}). \ub354 \uc801\uc740 \uc2a4\ud15d\uc73c\ub85c \ubcf4\uc815\ud558\uc138\uc694.',
  "The plan's ways must each have a kind and parameters.":
    '\ud50c\ub79c\uc758 \uacc4\uc0b0 \ubc29\ubc95\uc5d0\ub294 \uac01\uac01 \uc885\ub958\uc640 \ub9e4\uac1c\ubcc0\uc218\uac00 \uc788\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's ways must give {axes} fractions of the grid, one per axis.":
    '\ud50c\ub79c\uc758 \uacc4\uc0b0 \ubc29\ubc95\uc740 \ucd95\ub9c8\ub2e4 \ud558\ub098\uc529 \uaca9\uc790\uc758 \ube44\uc728 {axes}\uac1c\ub97c \uc8fc\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's {names} must be one for each noise level.":
    '\ud50c\ub79c\uc758 {names}\uc740(\ub294) \ub178\uc774\uc988 \uc218\uc900\ub9c8\ub2e4 \ud558\ub098\uc5ec\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's {what} must be 1 to 120 letters, digits, dots, dashes or underscores.":
    '\ud50c\ub79c\uc758 {what}\uc740(\ub294) 1~120\uc790\uc758 \uc601\ubb38\uc790, \uc22b\uc790, \uc810, \ud558\uc774\ud508, \ubc11\uc904\uc774\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's {what} must be a finite number.":
    '\ud50c\ub79c\uc758 {what}\uc740(\ub294) \uc720\ud55c\ud55c \uc218\uc5ec\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's {what} must be a list of {low} to {high} items.":
    '\ud50c\ub79c\uc758 {what}\uc740(\ub294) \ud56d\ubaa9\uc774 {low}~{high}\uac1c\uc778 \ubaa9\ub85d\uc774\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's {what} must be a number from {low} to {high}.":
    '\ud50c\ub79c\uc758 {what}\uc740(\ub294) {low}\ubd80\ud130 {high}\uae4c\uc9c0\uc758 \uc218\uc5ec\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's {what} must be a whole number from {low} to {high}.":
    '\ud50c\ub79c\uc758 {what}\uc740(\ub294) {low}\ubd80\ud130 {high}\uae4c\uc9c0\uc758 \uc815\uc218\uc5ec\uc57c \ud569\ub2c8\ub2e4.',
  "The plan's {what} must be plain text of at most {longest} characters.":
    '\ud50c\ub79c\uc758 {what}\uc740(\ub294) {longest}\uc790 \uc774\ud558\uc758 \ud14d\uc2a4\ud2b8\uc5ec\uc57c \ud569\ub2c8\ub2e4.',
  "The prediction is not met: choose a milder level.":
    '\uc608\uce21\uc5d0 \ubbf8\uce58\uc9c0 \ubabb\ud569\ub2c8\ub2e4. \ub354 \uc57d\ud55c \ub808\ubca8\uc744 \uace0\ub974\uc138\uc694.',
  "The run could not be prepared ({error}), so it was made with full attention.":
    '\uc2e4\ud589\uc744 \uc900\ube44\ud560 \uc218 \uc5c6\uc5b4({error}) \uc804\uccb4 \uc5b4\ud150\uc158\uc73c\ub85c \uc2e4\ud589\ud588\uc2b5\ub2c8\ub2e4.',
  "The run did not finish, so nothing was measured and nothing is kept. The next run is watched.":
    '\uc2e4\ud589\uc774 \ub05d\ub098\uc9c0 \uc54a\uc544 \uce21\uc815\ud55c \uac83\ub3c4 \ub0a8\uc740 \uac83\ub3c4 \uc5c6\uc2b5\ub2c8\ub2e4. \ub2e4\uc74c \uc2e4\ud589\uc774 \uad00\ucc30\ub429\ub2c8\ub2e4.',
  "The run was cancelled.":
    '\uc2e4\ud589\uc774 \ucde8\uc18c\ub418\uc5c8\uc2b5\ub2c8\ub2e4.',
  "The run was made with full attention.":
    '\uc804\uccb4 \uc5b4\ud150\uc158\uc73c\ub85c \uc2e4\ud589\ud588\uc2b5\ub2c8\ub2e4.',
  "The sampled latent is not finite (NaN or infinite): see whether it is at level off, too.":
    '\uc0d8\ud50c\ub9c1\ud55c \uc7a0\uc7ac \uc774\ubbf8\uc9c0\uac00 \uc720\ud55c\ud558\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4(NaN \ub610\ub294 \ubb34\ud55c\ub300). \ub808\ubca8 off\uc5d0\uc11c\ub3c4 \uadf8\ub7f0\uc9c0 \ud655\uc778\ud558\uc138\uc694.',
  "The sampling run ended without one attention call that can be compressed: nothing was measured.":
    '\uc555\ucd95\ud560 \uc218 \uc788\ub294 \uc5b4\ud150\uc158 \ud638\ucd9c\uc774 \ud558\ub098\ub3c4 \uc5c6\uc774 \uc0d8\ud50c\ub9c1\uc774 \ub05d\ub0ac\uc2b5\ub2c8\ub2e4. \uc544\ubb34\uac83\ub3c4 \uce21\uc815\ud558\uc9c0 \ubabb\ud588\uc2b5\ub2c8\ub2e4.',
  "The sampling run ended without one attention call that can be compressed: nothing was searched.":
    '\uc555\ucd95\ud560 \uc218 \uc788\ub294 \uc5b4\ud150\uc158 \ud638\ucd9c\uc774 \ud558\ub098\ub3c4 \uc5c6\uc774 \uc0d8\ud50c\ub9c1\uc774 \ub05d\ub0ac\uc2b5\ub2c8\ub2e4. \uc544\ubb34\uac83\ub3c4 \ud0d0\uc0c9\ud558\uc9c0 \ubabb\ud588\uc2b5\ub2c8\ub2e4.',
  "The strongest compression measured still keeps {part} of the attention.":
    '\uce21\uc815\ud55c \uac00\uc7a5 \uac15\ud55c \uc555\ucd95\uc5d0\uc11c\ub3c4 \uc5b4\ud150\uc158\uc758 {part}\uc774(\uac00) \ub0a8\uc2b5\ub2c8\ub2e4.',
  "The strongest compression measured still keeps {part} of the work.":
    '\uce21\uc815\ud55c \uac00\uc7a5 \uac15\ud55c \uc555\ucd95\uc5d0\uc11c\ub3c4 \uacc4\uc0b0\ub7c9\uc758 {part}\uc774(\uac00) \ub0a8\uc2b5\ub2c8\ub2e4.',
  "The text is JSON, but not a DiTFastAttn plan.":
    '\uc774 \ud14d\uc2a4\ud2b8\ub294 JSON\uc774\uc9c0\ub9cc DiTFastAttn \ud50c\ub79c\uc774 \uc544\ub2d9\ub2c8\ub2e4.',
  "The text is nested too deeply to be a plan.":
    '\uc774 \ud14d\uc2a4\ud2b8\ub294 \ub108\ubb34 \uae4a\uc774 \uc911\ucca9\ub418\uc5b4 \ud50c\ub79c\uc77c \uc218 \uc5c6\uc2b5\ub2c8\ub2e4.',
  "The text is not a plan: it gives one entry twice.":
    '\uc774 \ud14d\uc2a4\ud2b8\ub294 \ud50c\ub79c\uc774 \uc544\ub2d9\ub2c8\ub2e4. \uac19\uc740 \ud56d\ubaa9\uc774 \ub450 \ubc88 \uc788\uc2b5\ub2c8\ub2e4.',
  "The text is not a plan: it is not valid JSON, perhaps because a part of it was cut off.":
    '\uc774 \ud14d\uc2a4\ud2b8\ub294 \ud50c\ub79c\uc774 \uc544\ub2d9\ub2c8\ub2e4. \uc62c\ubc14\ub978 JSON\uc774 \uc544\ub2c8\uba70, \uc77c\ubd80\uac00 \uc798\ub838\uc744 \uc218 \uc788\uc2b5\ub2c8\ub2e4.',
  "The text is not a plan: it must be one JSON object.":
    '\uc774 \ud14d\uc2a4\ud2b8\ub294 \ud50c\ub79c\uc774 \uc544\ub2d9\ub2c8\ub2e4. \ud558\ub098\uc758 JSON \uac1d\uccb4\uc5ec\uc57c \ud569\ub2c8\ub2e4.',
  "The text is too long for a plan: {length} characters, at most {most} are allowed.":
    '\uc774 \ud14d\uc2a4\ud2b8\ub294 \ud50c\ub79c\uc73c\ub85c\ub294 \ub108\ubb34 \uae41\ub2c8\ub2e4: {length}\uc790(\ucd5c\ub300 {most}).',
  "The work outside attention must be finite and not negative.":
    '\uc5b4\ud150\uc158 \ubc16\uc758 \uacc4\uc0b0\ub7c9\uc740 \uc720\ud55c\ud558\uace0 \uc74c\uc218\uac00 \uc544\ub2c8\uc5b4\uc57c \ud569\ub2c8\ub2e4.',
  "There is no level 'custom' to verify: set keep_work or keep_attention above 0.":
    '\uac80\uc99d\ud560 \ub808\ubca8 custom\uc774 \uc5c6\uc2b5\ub2c8\ub2e4. keep_work\ub098 keep_attention\uc744 0\ubcf4\ub2e4 \ud06c\uac8c \ud558\uc138\uc694.',
  "There is no plan yet: run DiTFastAttn Calibrate, or paste a plan.":
    '\uc544\uc9c1 \ud50c\ub79c\uc774 \uc5c6\uc2b5\ub2c8\ub2e4. \'DiTFastAttn \ubcf4\uc815\'\uc744 \uc2e4\ud589\ud558\uac70\ub098 \ud50c\ub79c\uc744 \ubd99\uc5ec \ub123\uc73c\uc138\uc694.',
  "There is no prompt to sample: connect positive and negative, or a guider.":
    '\uc0d8\ud50c\ub9c1\ud560 \ud504\ub86c\ud504\ud2b8\uac00 \uc5c6\uc2b5\ub2c8\ub2e4. \uae0d\uc815 \uc870\uac74\uacfc \ubd80\uc815 \uc870\uac74, \ub610\ub294 \uac00\uc774\ub354\ub97c \uc5f0\uacb0\ud558\uc138\uc694.',
  "There was not enough GPU memory to try the Triton kernel; it is tried again later.":
    'Triton \ucee4\ub110\uc744 \uc2dc\ud5d8\ud560 GPU \uba54\ubaa8\ub9ac\uac00 \ubd80\uc871\ud588\uc2b5\ub2c8\ub2e4. \ub098\uc911\uc5d0 \ub2e4\uc2dc \uc2dc\ud5d8\ud569\ub2c8\ub2e4.',
  "This DiT has {classes} classes, and {label} is none of them.":
    '\uc774 DiT\uc5d0\ub294 \ud074\ub798\uc2a4\uac00 {classes}\uac1c \uc788\uace0, {label}\uc740(\ub294) \uadf8 \uc548\uc5d0 \uc5c6\uc2b5\ub2c8\ub2e4.',
  "This plan was made for a {family} model of another architecture (fingerprint {planned}, the connected model has {connected}): connect that model, or have a new plan made for this one.":
    '\uc774 \ud50c\ub79c\uc740 \ub2e4\ub978 \uad6c\uc870\uc758 {family} \ubaa8\ub378\uc6a9\uc785\ub2c8\ub2e4(\uc9c0\ubb38 {planned}, \uc5f0\uacb0\ub41c \ubaa8\ub378\uc740 {connected}). \uadf8 \ubaa8\ub378\uc744 \uc5f0\uacb0\ud558\uac70\ub098 \uc774 \ubaa8\ub378\uc6a9 \uc0c8 \ud50c\ub79c\uc744 \ub9cc\ub4dc\uc138\uc694.',
  "This plan was made for {planned}, but the connected model is {connected}: connect that model, or have a new plan made for this one.":
    '\uc774 \ud50c\ub79c\uc740 {planned}\uc6a9\uc778\ub370 \uc5f0\uacb0\ub41c \ubaa8\ub378\uc740 {connected}\uc785\ub2c8\ub2e4. \uadf8 \ubaa8\ub378\uc744 \uc5f0\uacb0\ud558\uac70\ub098 \uc774 \ubaa8\ub378\uc6a9 \uc0c8 \ud50c\ub79c\uc744 \ub9cc\ub4dc\uc138\uc694.',
  "To have one more run watched, set calibrate to 'again'; bypass the node to be rid of this line.":
    '\ud55c \ubc88 \ub354 \uad00\ucc30\ud558\uac8c \ud558\ub824\uba74 \'\ubcf4\uc815\'\uc744 again\uc73c\ub85c \ubc14\uafb8\uc138\uc694. \uc774 \uc904\uc744 \uc5c6\uc560\ub824\uba74 \ub178\ub4dc\ub97c \uc6b0\ud68c\ud558\uc138\uc694.',
  "Triton does not load: {kind}: {error}.":
    'Triton\uc744 \ubd88\ub7ec\uc62c \uc218 \uc5c6\uc2b5\ub2c8\ub2e4: {kind}: {error}.',
  "Triton is not installed or does not load ({error}).":
    'Triton\uc774 \uc124\uce58\ub418\uc9c0 \uc54a\uc558\uac70\ub098 \ubd88\ub7ec\uc62c \uc218 \uc5c6\uc2b5\ub2c8\ub2e4({error}).',
  "Triton is not installed or does not load ({error}); triton-windows would make this faster.":
    'Triton\uc774 \uc124\uce58\ub418\uc9c0 \uc54a\uc558\uac70\ub098 \ubd88\ub7ec\uc62c \uc218 \uc5c6\uc2b5\ub2c8\ub2e4({error}). triton-windows\ub97c \uc124\uce58\ud558\uba74 \ub354 \ube68\ub77c\uc9d1\ub2c8\ub2e4.',
  "Watched: the plan for the runs to come is made.":
    '\uad00\ucc30\ud588\uc2b5\ub2c8\ub2e4. \uc55e\uc73c\ub85c\uc758 \uc2e4\ud589\uc744 \uc704\ud55c \ud50c\ub79c\uc774 \ub9cc\ub4e4\uc5b4\uc84c\uc2b5\ub2c8\ub2e4.',
  "all of the picture, in INT8":
    '\uc774\ubbf8\uc9c0 \uc804\uccb4, INT8\ub85c \uacc4\uc0b0',
  "attends in windows of its own":
    '\uc790\uccb4 \uc708\ub3c4\uc6b0\ub85c \uc5b4\ud150\uc158\uc744 \uacc4\uc0b0\ud558\ub294 \ubaa8\ub378',
  "is a language model that keeps keys and values itself":
    '\ud0a4\uc640 \uac12\uc744 \uc2a4\uc2a4\ub85c \ubcf4\uad00\ud558\ub294 \uc5b8\uc5b4 \ubaa8\ub378',
  "its batch is not the sampler's":
    '\ubc30\uce58\uac00 \uc0d8\ud50c\ub7ec\uc758 \uac83\uacfc \ub2e4\ub984',
  "makes its video part by part from keys and values that it keeps itself":
    '\uc2a4\uc2a4\ub85c \ubcf4\uad00\ud558\ub294 \ud0a4\uc640 \uac12\uc73c\ub85c \uc601\uc0c1\uc744 \ubd80\ubd84\ubcc4\ub85c \ub9cc\ub4dc\ub294 \ubaa8\ub378',
  "no LoRA":
    'LoRA \uc5c6\uc74c',
  "no attention call that can be compressed was seen, or the run was too short.":
    '\uc555\ucd95\ud560 \uc218 \uc788\ub294 \uc5b4\ud150\uc158 \ud638\ucd9c\uc774 \uc5c6\uac70\ub098 \uc2e4\ud589\uc774 \ub108\ubb34 \uc9e7\uc2b5\ub2c8\ub2e4.',
  "no reference pictures":
    '\ucc38\uc870 \uc774\ubbf8\uc9c0 \uc5c6\uc74c',
  "queries and keys differ in shape":
    '\ucffc\ub9ac\uc640 \ud0a4\uc758 \ud615\ud0dc\uac00 \ub2e4\ub984',
  "references of {sizes} tokens":
    '\ud1a0\ud070 {sizes}\uac1c\uc758 \ucc38\uc870 \uc774\ubbf8\uc9c0',
  "sigmas holds no step: connect the noise levels that you sample with.":
    'sigmas\uc5d0 \uc2a4\ud15d\uc774 \uc5c6\uc2b5\ub2c8\ub2e4. \uc0d8\ud50c\ub9c1\uc5d0 \uc4f0\ub294 \ub178\uc774\uc988 \uc218\uc900\uc744 \uc5f0\uacb0\ud558\uc138\uc694.',
  "the model does not attend in {layer} as the plan says":
    '\ubaa8\ub378\uc774 \ud50c\ub79c\uacfc \ub2ec\ub9ac {layer}\uc5d0\uc11c \uc5b4\ud150\uc158\uc744 \uacc4\uc0b0\ud558\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4',
  "the model masks its attention":
    '\ubaa8\ub378\uc774 \uc5b4\ud150\uc158\uc5d0 \ub9c8\uc2a4\ud06c\ub97c \uc500',
  "{count} known already.":
    '\uadf8\uc911 {count}\ud68c\ub294 \uc774\ubbf8 \uc54c\uace0 \uc788\uc2b5\ub2c8\ub2e4.',
  "{count} of {all} forwards were passes that guidance makes beside its branches, and ran in full.":
    '\uc21c\uc804\ud30c {all}\ud68c \uc911 {count}\ud68c\ub294 \uac00\uc774\ub358\uc2a4\uac00 \ubd84\uae30 \uc678\uc5d0 \ucd94\uac00\ub85c \uc218\ud589\ud55c \uac83\uc73c\ub85c, \uc804\ubd80 \uacc4\uc0b0\ub418\uc5c8\uc2b5\ub2c8\ub2e4.',
  "{count} runs sampled.":
    '{count}\ud68c \uc0d8\ud50c\ub9c1\ud588\uc2b5\ub2c8\ub2e4.',
  "{extent} of the picture":
    '\uc774\ubbf8\uc9c0\uc758 {extent}',
  "{extent} of the picture, in INT8":
    '\uc774\ubbf8\uc9c0\uc758 {extent}, INT8\ub85c \uacc4\uc0b0',
  "{extent} of the picture, the rest pooled":
    '\uc774\ubbf8\uc9c0\uc758 {extent}, \ub098\uba38\uc9c0\ub294 \ud480\ub9c1',
  "{extent} of the picture, the rest pooled, in INT8":
    '\uc774\ubbf8\uc9c0\uc758 {extent}, \ub098\uba38\uc9c0\ub294 \ud480\ub9c1, INT8\ub85c \uacc4\uc0b0',
  "{family} (1 attention layer, {heads} heads, fingerprint {fingerprint})":
    '{family}(\uc5b4\ud150\uc158 \ub808\uc774\uc5b4 1\uac1c, \ud5e4\ub4dc {heads}\uac1c, \uc9c0\ubb38 {fingerprint})',
  "{family} ({layers} attention layers, {heads} heads, fingerprint {fingerprint})":
    '{family}(\uc5b4\ud150\uc158 \ub808\uc774\uc5b4 {layers}\uac1c, \ud5e4\ub4dc {heads}\uac1c, \uc9c0\ubb38 {fingerprint})',
  "{file} cannot be read as tensors alone ({error}): files with anything else are refused, because they may run code. Look for a safetensors file of the model.":
    '{file}\uc740(\ub294) \ud150\uc11c\ub9cc\uc73c\ub85c \uc77d\uc744 \uc218 \uc5c6\uc2b5\ub2c8\ub2e4({error}). \ub2e4\ub978 \uac83\uc774 \ub4e0 \ud30c\uc77c\uc740 \ucf54\ub4dc\ub97c \uc2e4\ud589\ud560 \uc218 \uc788\uc73c\ubbc0\ub85c \uac70\uc808\ud569\ub2c8\ub2e4. \uc774 \ubaa8\ub378\uc758 safetensors \ud30c\uc77c\uc744 \ucc3e\uc544\ubcf4\uc138\uc694.',
  "{file} holds more than the tensors of one model.":
    '{file}\uc5d0\ub294 \ud55c \ubaa8\ub378\uc758 \ud150\uc11c\uac00 \uc544\ub2cc \uac83\uc774 \ub4e4\uc5b4 \uc788\uc2b5\ub2c8\ub2e4.',
  "{file} is no autoencoder of Open-Sora 1.2, which has one part for frames and one for time. The host's Load VAE may know it.":
    '{file}\uc740(\ub294) Open-Sora 1.2\uc758 \uc624\ud1a0\uc778\ucf54\ub354\uac00 \uc544\ub2d9\ub2c8\ub2e4. \uadf8\uac83\uc5d0\ub294 \ud504\ub808\uc784 \ubd80\ubd84\uacfc \uc2dc\uac04 \ubd80\ubd84\uc774 \uc788\uc2b5\ub2c8\ub2e4. ComfyUI\uc758 Load VAE\uac00 \uc54c \uc218\ub3c4 \uc788\uc2b5\ub2c8\ub2e4.',
  "{file} is none of the models that this node loads ({models}): it holds {examples}. The host's Load Diffusion Model may know it.":
    '{file}\uc740(\ub294) \uc774 \ub178\ub4dc\uac00 \ubd88\ub7ec\uc624\ub294 \ubaa8\ub378({models})\uc774 \uc544\ub2d9\ub2c8\ub2e4. \uc548\uc5d0\ub294 {examples}\uc774(\uac00) \uc788\uc2b5\ub2c8\ub2e4. ComfyUI\uc758 \'\ud655\uc0b0 \ubaa8\ub378 \ub85c\ub4dc\'\uac00 \uc54c \uc218\ub3c4 \uc788\uc2b5\ub2c8\ub2e4.',
  "{file} is not a whole {model}: {missing} tensors are missing, {foreign} are of no layer, {other} have another shape ({examples}).":
    '{file}\uc740(\ub294) \uc628\uc804\ud55c {model}\uc774(\uac00) \uc544\ub2d9\ub2c8\ub2e4. \ud150\uc11c {missing}\uac1c\uac00 \uc5c6\uace0, {foreign}\uac1c\ub294 \uc5b4\ub290 \uce35\uc758 \uac83\ub3c4 \uc544\ub2c8\uba70, {other}\uac1c\ub294 \ubaa8\uc591\uc774 \ub2e4\ub985\ub2c8\ub2e4({examples}).',
  "{file} looks like {model}, and its size is none that is known ({error}).":
    '{file}\uc740(\ub294) {model}\ucc98\ub7fc \ubcf4\uc774\uc9c0\ub9cc \ud06c\uae30\uac00 \uc54c\ub824\uc9c4 \uac83\uc774 \uc544\ub2d9\ub2c8\ub2e4({error}).',
  "{first} {second}":
    '{first} {second}',
  "{half} of the tokens to either side":
    '\uc591\ucabd\uc73c\ub85c \ud1a0\ud070\uc758 {half}\uc529',
  "{layer} could not be compressed ({reason}); the rest of the run was computed in full.":
    '{layer}\uc744(\ub97c) \uc555\ucd95\ud560 \uc218 \uc5c6\uc5c8\uc2b5\ub2c8\ub2e4({reason}). \ub098\uba38\uc9c0 \uc2e4\ud589\uc740 \uc804\ubd80 \uacc4\uc0b0\ud588\uc2b5\ub2c8\ub2e4.',
  "{layer} ran in full: another node has put a function of its own in the place of its layer.":
    '{layer}\uc740(\ub294) \uc804\ubd80 \uacc4\uc0b0\ud588\uc2b5\ub2c8\ub2e4: \ub2e4\ub978 \ub178\ub4dc\uac00 \uc774 \ub808\uc774\uc5b4\ub97c \uc790\uccb4 \ud568\uc218\ub85c \ubc14\uafb8\uc5c8\uc2b5\ub2c8\ub2e4.',
  "{layer} ran in full: {reason}.":
    '{layer}\uc740(\ub294) \uc804\ubd80 \uacc4\uc0b0\ud588\uc2b5\ub2c8\ub2e4: {reason}.',
  "{layer} ran without windows: its {tokens} tokens do not fit the {grid} grid.":
    '{layer}\uc740(\ub294) \uc708\ub3c4 \uc5c6\uc774 \uacc4\uc0b0\ud588\uc2b5\ub2c8\ub2e4. \ud1a0\ud070 {tokens}\uac1c\uac00 {grid} \uaca9\uc790\uc5d0 \ub9de\uc9c0 \uc54a\uc2b5\ub2c8\ub2e4.',
  "{level} checked: relative error {error} where {predicted} is predicted (PSNR of the latent {psnr} dB), attempt {count}.":
    '{level} \uac80\uc99d\ub428: \uc0c1\ub300 \uc624\ucc28 {error}, \uc608\uce21 {predicted}(\uc7a0\uc7ac \uc774\ubbf8\uc9c0 PSNR {psnr} dB), {count}\ubc88\uc9f8 \uc2dc\ub3c4.',
  "{level}: {note}":
    '{level}: {note}',
  "{model} is not a model that DiTFastAttn covers, so it runs with full attention: bypass or remove the node, or load one of those that are covered ({covered}).":
    '{model}\uc740(\ub294) DiTFastAttn\uc774 \uc9c0\uc6d0\ud558\ub294 \ubaa8\ub378\uc774 \uc544\ub2c8\ubbc0\ub85c \uc804\uccb4 \uc5b4\ud150\uc158\uc73c\ub85c \uacc4\uc0b0\ud569\ub2c8\ub2e4. \ub178\ub4dc\ub97c \uc6b0\ud68c\ud558\uac70\ub098 \uc5c6\uc560\uac70\ub098, \uc9c0\uc6d0\ud558\ub294 \ubaa8\ub378({covered})\uc744 \ubd88\ub7ec\uc624\uc138\uc694.',
  "{model} {reason}, so it runs with full attention: bypass or remove the node.":
    '{model}({reason})\uc740(\ub294) \uc555\ucd95\ud560 \uc218 \uc5c6\uc73c\ubbc0\ub85c \uc804\uccb4 \uc5b4\ud150\uc158\uc73c\ub85c \uacc4\uc0b0\ud569\ub2c8\ub2e4. \ub178\ub4dc\ub97c \uc6b0\ud68c\ud558\uac70\ub098 \uc5c6\uc560\uc138\uc694.',
  "{name} must be finite, not {wrong}: set it to what you sample with.":
    '{name}\uc740(\ub294) \uc720\ud55c\ud574\uc57c \ud569\ub2c8\ub2e4({wrong} \ubd88\uac00). \uc0d8\ud50c\ub9c1\uc5d0 \uc4f0\ub294 \uac12\uc73c\ub85c \ud558\uc138\uc694.',
  "{node} leaves out steps as well: what that changes comes on top of the predicted error.":
    '{node}\ub3c4 \uc2a4\ud15d\uc744 \ube8d\ub2c8\ub2e4. \uadf8\ub85c \uc778\ud55c \ubcc0\ud654\ub294 \uc608\uce21 \uc624\ucc28\uc5d0 \ub354\ud574\uc9d1\ub2c8\ub2e4.',
  "{part} of the attention cells run in full because this run's steps are too far apart for their caches.":
    '\uc774 \uc2e4\ud589\uc758 \uc2a4\ud15d \uac04\uaca9\uc774 \uce90\uc2dc\ub97c \uc4f0\uae30\uc5d0\ub294 \ub108\ubb34 \ub113\uc5b4 \uc5b4\ud150\uc158\uc758 {part}\uc744(\ub97c) \uc804\ubd80 \uacc4\uc0b0\ud569\ub2c8\ub2e4.',
  "{recalled} of {steps} steps that the plan forecasts are computed, because this run's steps are too far apart for a forecast.":
    '\uc774 \uc2e4\ud589\uc758 \uc2a4\ud15d \uac04\uaca9\uc774 \uc608\uce21\ud558\uae30\uc5d0\ub294 \ub108\ubb34 \ub113\uc5b4, \ud50c\ub79c\uc774 \uc608\uce21\ud558\ub294 {steps}\uc2a4\ud15d \uc911 {recalled}\uc744(\ub97c) \uacc4\uc0b0\ud569\ub2c8\ub2e4.',
  "{steps} of {of} steps, the same work, err by {error}.":
    '\uac19\uc740 \uacc4\uc0b0\ub7c9\uc73c\ub85c {of}\uc2a4\ud15d \ub300\uc2e0 {steps}\uc2a4\ud15d\uc744 \uc4f0\uba74 \uc624\ucc28\ub294 {error}\uc785\ub2c8\ub2e4.',
};
