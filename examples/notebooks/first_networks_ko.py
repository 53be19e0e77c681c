# %% [markdown]
# # 강좌의 첫 세 신경망
#
# 소프트맥스 회귀, 은닉층 하나, 은닉층 넷. [강좌](../../docs/course/ko/README.md)의 처음 세 신경망을 노트북으로 옮겼습니다.
# 셀을 실행하면 그 셀이 만든 것(데이터, 신경망, 학습, 예측)이 바로 아래에 나타납니다. 위에서부터 차례로 실행하십시오. 세 번째
# 학습은 노트북 컴퓨터에서 몇 분 걸립니다.
#
# MNIST는 처음 한 번만 내려받습니다. 이미 있다면 환경 변수 `IMAGELET_DATA`에 그 폴더를 적으면 됩니다.

# %%
from PIL import Image, ImageDraw

import imagelet

data = imagelet.load_dataset("mnist")
data.train

# %% [markdown]
# ## 층 하나: `softmax`
#
# 숫자마다 가중치(weight)가 784개, 곧 픽셀 하나에 하나씩 있고 편향(bias)이 하나 있습니다. 픽셀에 가중치를 곱해 모두 더하면
# 점수가 되고, 소프트맥스가 점수 열 개를 확률 열 개로 바꿉니다.

# %%
imagelet.summarize(imagelet.build("softmax"))

# %%
softmax = imagelet.train("mnist", "softmax", "keras", validation="0.1")
softmax

# %% [markdown]
# 에포크 한두 번이면 곡선이 평평해지고, 훈련 곡선과 검증 곡선이 붙어 다닙니다. 이 신경망은 배울 수 있는 것을 다 배웠습니다.
# 픽셀의 합은 획이 무엇인지 모릅니다.

# %% [markdown]
# ## 은닉층 하나: `mlp-512`
#
# 이제 픽셀과 점수 사이에 유닛 512개가 있습니다. 픽셀을 더한 합이고, 0보다 작으면 0이 됩니다. 최적화 방법은 강좌에서처럼
# 단순한 경사 하강법입니다.

# %%
mlp_512 = imagelet.train(
    "mnist",
    "mlp-512",
    "keras",
    optimizer="sgd",
    learning_rate=0.01,
    batch_size=128,
    epochs=10,
    validation="0.1",
)
mlp_512

# %% [markdown]
# 매개변수는 쉰 배가 넘는데 거의 나아지지 않았습니다. 짧은 스텝으로 열 에포크는 모자랍니다. 더 읽기 전에
# `optimizer="adam", learning_rate=0.001`로 학습시켜 보십시오. 어떤 결과를 예상하십니까?

# %% [markdown]
# ## 은닉층 넷: `mlp-1024`
#
# 드롭아웃(dropout)은 학습하는 동안 값 열 개 가운데 세 개꼴로 0으로 만들어 이미지를 외우기 어렵게 합니다. Adam은 가중치마다
# 스텝을 따로 정해 줍니다.

# %%
mlp_1024 = imagelet.train("mnist", "mlp-1024", "keras", epochs=15, validation="0.1")
mlp_1024

# %% [markdown]
# ## 시험은 한 번
#
# 지금까지 아무도 시험 이미지를 보지 않았습니다. 검증 정확도로 신경망을 고른 다음, 한 번만 보십시오. 구간은 이미지 10,000장에서
# 본 것과 어울리는 정확도가 어디에서 어디까지인지 말해 줍니다.

# %%
test = imagelet.evaluate(str(mlp_1024.run.folder))
low, high = test.metrics.interval
print(
    f"test accuracy {100 * test.metrics.accuracy:.2f} % (95 % interval {100 * low:.2f} to {100 * high:.2f} %)"
)

# %% [markdown]
# ## 직접 쓴 숫자
#
# 여기서는 프로그램이 밝은 종이에 어두운 선으로 아무 데나 그렸습니다. 그 자리에 사진의 경로를 넣어도 됩니다. 그림은 MNIST의
# 숫자와 같은 모양으로 맞춰집니다. 답 옆의 그림이 신경망이 실제로 받은 것입니다.

# %%
sheet = Image.new("RGB", (300, 300), "#f4efe4")
ImageDraw.Draw(sheet).line([(90, 70), (210, 70), (140, 235)], fill="#22304a", width=16, joint="curve")
(prediction,) = mlp_1024.classifier.predict(sheet)
prediction

# %% [markdown]
# 강좌의 다음 신경망에는 합성곱(convolution)이 있습니다. 어느 픽셀이 이웃인지 아는 신경망입니다. `imagelet course cnn-1`을
# 실행하거나 [강좌의 쪽](../../docs/course/ko/cnn-1.md)을 읽어 보십시오.
